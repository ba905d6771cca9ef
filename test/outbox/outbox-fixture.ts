import { createClient } from "../../client-sdk/src/index.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import { createDeliverEvent } from "../../server/outbox/deliver-event.ts";
import { createEndpointRules } from "../../server/outbox/endpoint-rules.ts";
import { createPostToEndpoint } from "../../server/outbox/post-to-endpoint.ts";
import { createMovableClock } from "../support/clock.ts";
import { makeApiKey } from "../support/database.ts";
import { startTestServer } from "../support/server.ts";
import { testEnv } from "../support/services.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";

/** A server whose endpoints may be on the loopback, under a clock that can be put forward. No job is taken by itself. */
export async function startOutbox() {
  const clock = createMovableClock();
  const server = await startTestServer({ WEBHOOK_ENDPOINT_ALLOW_LOOPBACK: "true" }, { clock });
  const { database, dependencies } = server;
  const rootSecrets = testEnv(database.appUrl).ISOLATION_SECRET;
  const post = createPostToEndpoint(createEndpointRules({ ports: [443], allowLoopback: true }));
  const kind = createDeliverEvent({ post, rootSecrets, clock, random: () => 0.5 });
  const open = (workspaceId: string) => dependencies.database.openWorkspace(systemBinding(workspaceId, "test"));

  return {
    ...server,
    clock,
    open,
    /** A workspace of its own, with a client of its admin's and one of its writer's. */
    async makeWorkspace() {
      const workspace = await makeStaffedWorkspace(database.owner);
      const clientOf = async (userId: string) => {
        const { plain } = await makeApiKey(database.owner, { userId });
        return createClient({ baseUrl: server.url, apiKey: plain, retries: 0 }).workspace(workspace.id);
      };
      return { ...workspace, client: await clientOf(workspace.admin.id), writersClient: await clientOf(workspace.writer.id) };
    },
    /** Runs the jobs of deliveries that wait, each once, whenever they are due. */
    async deliver(workspaceId: string, deliveryIds?: string[]) {
      const db = open(workspaceId);
      const ids =
        deliveryIds ??
        (await db.endpointDelivery.findMany({ where: { status: "pending" }, orderBy: { id: "asc" } })).map(({ id }) => id);
      for (const deliveryId of ids) {
        await kind.handle({ workspaceId, db, signal: new AbortController().signal, attempt: 1 }, [{ workspaceId, deliveryId }]);
      }
    },
    /** Runs a job as the queue has it. */
    async run(workspaceId: string, job: { deliveryId: string; attempts: number }) {
      const db = open(workspaceId);
      await kind.handle({ workspaceId, db, signal: new AbortController().signal, attempt: 1 }, [{ workspaceId, ...job }]);
    },
    /** Deliveries for which a job is in the queue, one for each job. */
    async queued(workspaceId: string): Promise<{ deliveryId: string; attempts: number; inSeconds: number }[]> {
      const { rows } = await database.owner.query(
        `select data->>'deliveryId' as "deliveryId", (data->>'attempts')::int as attempts, round(extract(epoch from start_after - created_on))::int as "inSeconds"
          from parlant.job where name = 'deliver-event' and data->>'workspaceId' = $1 order by created_on, start_after`,
        [workspaceId],
      );
      return rows;
    },
  };
}
