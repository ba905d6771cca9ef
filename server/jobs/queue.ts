import { PgBoss } from "pg-boss";
import type { QueueConnection, SendJob } from "../db/queue-connection.ts";
import type { Logger } from "../shared/logger.ts";
import type { AnyJobKind } from "./job-kind.ts";

const RETRY_DELAY_SECONDS = 2;
/** Each delay is twice the one before, up to this; half of it is chance. */
const RETRY_DELAY_MAX_SECONDS = 3_600;
/** A job whose server was killed is taken up again this long after its last sign of life, and the pass that looks for it. */
export const HEARTBEAT_SECONDS = 10;
/** Bounds a whole batch; an attempt has the limit of its kind. */
const BATCH_LIMIT_SECONDS = 3_600;
const DONE_KEPT_SECONDS = 3_600;
const WAITING_KEPT_SECONDS = 10 * 365 * 86_400;

/** The queue of sweeps; see sweeps. */
export const SWEEP_QUEUE = "sweep";

/** Where the jobs of a kind lie that have failed for good. */
export function deadQueueOf(kind: { name: string }): string {
  return `${kind.name}.dead`;
}

export interface OpenQueue {
  boss: PgBoss;
  send: SendJob;
  close(): Promise<void>;
}

/**
 * Opens the queue on its tables, which the migrations make, and tells it the kinds of job there are. Nothing is taken
 * from it yet.
 *
 * @throws where the tables are missing, or those of another version of the library
 */
export async function openQueue(
  connection: QueueConnection,
  { kinds, log }: { kinds: readonly AnyJobKind[]; log: Logger },
): Promise<OpenQueue> {
  const boss = new PgBoss({
    db: connection,
    schema: "parlant",
    migrate: false,
    createSchema: false,
    // Sweeps are scheduled by the second, and maintenance is run by whoever takes jobs.
    schedule: false,
    supervise: false,
    monitorIntervalSeconds: 5,
    maintenanceIntervalSeconds: 600,
    registerInstance: false,
    reindex: false,
    monitorVacuum: false,
    openTelemetry: { enabled: false },
  });
  boss.on("error", (error) => log.warn({ err: { message: error.message } }, "the job queue failed; it tries again"));
  boss.on("warning", ({ message }) => log.warn(message));
  await boss.start();
  await ensureQueue(boss, SWEEP_QUEUE, { policy: "exclusive", retryLimit: 0, heartbeatSeconds: HEARTBEAT_SECONDS });
  for (const kind of kinds) {
    const shared = {
      expireInSeconds: BATCH_LIMIT_SECONDS,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      retentionSeconds: WAITING_KEPT_SECONDS,
      deleteAfterSeconds: DONE_KEPT_SECONDS,
      retryDelay: kind.retryDelaySeconds ?? RETRY_DELAY_SECONDS,
      retryBackoff: true,
      retryDelayMax: RETRY_DELAY_MAX_SECONDS,
    };
    // What takes note of dead jobs must not lose one because the database was away for a while.
    await ensureQueue(boss, deadQueueOf(kind), { ...shared, retryLimit: 100 });
    await ensureQueue(boss, kind.name, { ...shared, retryLimit: kind.retries, deadLetter: deadQueueOf(kind) });
  }
  return {
    boss,
    async send(executor, { kind, data, startAfterSeconds }) {
      const id = await boss.send(kind, data, { db: executor, ...(startAfterSeconds && { startAfter: startAfterSeconds }) });
      if (id === null) throw new Error(`The queue took no job of the kind "${kind}"`);
      return id;
    },
    close: () => boss.stop({ graceful: false }),
  };
}

type QueueSettings = NonNullable<Parameters<PgBoss["createQueue"]>[1]>;

/** The queue is there, with these settings for the jobs to come; its policy stays what it was made with. */
async function ensureQueue(boss: PgBoss, name: string, settings: QueueSettings): Promise<void> {
  const { policy, ...changeable } = settings;
  const present = (await boss.getQueue(name)) as Record<string, unknown> | null;
  if (!present) await boss.createQueue(name, settings);
  else if (Object.entries(changeable).some(([key, value]) => present[key] !== value)) await boss.updateQueue(name, changeable);
}
