import type { EmbeddedSim } from "./embedded-sim.ts";
import { appRouter } from "./router.ts";
import type { Services } from "./trpc/context.ts";
import { t } from "./trpc/trpc.ts";

const DEMO_AGENTS = [
  { name: "Support", description: "Answers questions about orders and refunds.", tags: ["customers"] },
  { name: "Onboarding", description: "Walks a new customer through the first week.", tags: ["customers"] },
  { name: "Analyst", description: "Explains the week's numbers to the team.", visibility: "restricted" as const },
];

/** The demo workspace has its agents, made through the front door with the demo's own key; a workspace that has any keeps what it has. */
export async function seedDemoAgents(services: Services, { demo, secrets }: EmbeddedSim): Promise<void> {
  const { agents } = t.createCallerFactory(appRouter)({
    services,
    headers: new Headers({ "x-api-key": secrets.demoApiKey }),
    request: { requestId: "demo-seed", ipAddress: null, idempotencyKey: null },
    assertCookieAllowed() {},
    annotate() {},
  }).workspaces;
  const { workspaceId } = demo;
  const { data } = await agents.list({ workspaceId, limit: 1, includeArchived: true });
  if (data.length > 0) return;
  for (const agent of DEMO_AGENTS) await agents.create({ workspaceId, ...agent });
}
