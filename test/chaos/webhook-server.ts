import type { NewJob } from "../../server/db/queue-connection.ts";
import type { WorkspaceDb, WorkspaceTransaction } from "../../server/db/workspace-db.ts";
import { createDependencies } from "../../server/dependencies.ts";
import { createLogger } from "../../server/shared/logger.ts";
import { serveForParent } from "../support/serve-for-parent.ts";
import { testEnv } from "../support/services.ts";

/** One of several servers on one database, to be killed; started by webhook-fleet.ts, and ended by the end of its parent. */
const [databaseUrl, how] = process.argv.slice(2);
if (!databaseUrl || (how !== "together" && how !== "apart"))
  throw new Error("usage: webhook-server.ts <database url> together|apart");

const env = testEnv(databaseUrl, { RATE_LIMIT_PER_MINUTE: "0", WEBHOOK_RETRY_ATTEMPTS: "50" });
const log = createLogger("silent");
const { services, jobs } = await createDependencies(env, log);
await jobs.start([]);

/** The same, but that the job is put into the queue by a transaction of its own, after the one that stores. */
function apart(db: WorkspaceDb): WorkspaceDb {
  const transaction: WorkspaceDb["transaction"] = async (work) => {
    const later: NewJob[] = [];
    const result = await db.transaction(({ webhookDelivery }) => {
      const enqueue = async (job: NewJob) => String(later.push(job));
      return work({ webhookDelivery, enqueue } as unknown as WorkspaceTransaction);
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (later.length > 0) {
      await db.transaction(async (tx) => {
        for (const job of later) await tx.enqueue(job);
      });
    }
    return result;
  };
  return { transaction } as WorkspaceDb;
}

const { inbox } = services;
const openApart: typeof inbox.openWorkspace = (binding) => apart(inbox.openWorkspace(binding));
await serveForParent(how === "together" ? services : { ...services, inbox: { ...inbox, openWorkspace: openApart } }, log);
