import { organizationsRouter } from "./organizations/router.ts";
import { simIntegrationRouter } from "./sim-integration/router.ts";
import { t } from "./trpc/trpc.ts";
import { accessRouter } from "./workspaces/access/router.ts";
import { agentsRouter } from "./workspaces/agents/router.ts";
import { analyticsRouter } from "./workspaces/analytics/router.ts";
import { auditRouter } from "./workspaces/audit/router.ts";
import { eventsRouter } from "./workspaces/events/router.ts";
import { guidelinesRouter } from "./workspaces/guidelines/router.ts";
import { isolationRouter } from "./workspaces/isolation/router.ts";
import { sessionsRouter } from "./workspaces/sessions/router.ts";
import { webhooksRouter } from "./workspaces/webhooks/router.ts";

/** Every procedure of the server. Nested routers are plain records, so that a client's types name nothing of the server. */
export const routerRecord = {
  workspaces: {
    access: accessRouter,
    agents: agentsRouter,
    analytics: analyticsRouter,
    audit: auditRouter,
    events: eventsRouter,
    isolation: isolationRouter,
    sessions: sessionsRouter,
    guidelines: guidelinesRouter,
    webhooks: webhooksRouter,
  },
  organizations: organizationsRouter,
  simIntegration: simIntegrationRouter,
};

export const appRouter = t.router(routerRecord);
export type AppRouter = typeof appRouter;
