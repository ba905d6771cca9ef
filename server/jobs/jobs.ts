import type { Binding } from "../db/binding.ts";
import type { QueueConnection, SendJob } from "../db/queue-connection.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { AnyJobKind } from "./job-kind.ts";
import { deadQueueOf, type OpenQueue, openQueue } from "./queue.ts";
import { type Sweep, startSweeps } from "./sweeps.ts";
import { takeJobs } from "./worker.ts";

/** The server's jobs: what is put into the queue, and what this process takes from it. */
export interface Jobs {
  send: SendJob;
  /** Has this process look at the queue now; to be called when a transaction that enqueued has committed. */
  wake(kind: { name: string }): void;
  /** Takes jobs and makes sweeps from now on. */
  start(sweeps: readonly Sweep[]): Promise<void>;
  /** How many jobs have failed for good and wait for somebody to look at them; counted up to ten thousand. */
  countDead(kind: AnyJobKind): Promise<number>;
  /** How long the oldest job of the kind has waited, whether for its first attempt or for a later one; 0 where none waits. */
  oldestWaitingSeconds(kind: { name: string }): Promise<number>;
  /** Puts dead jobs of a workspace's back into the queue, a thousand at most; resolves to how many. */
  replayDead(kind: AnyJobKind, workspaceId: string): Promise<number>;
  /** Takes nothing more, waits for what is running, and gives back what does not end in time. */
  stop(): Promise<void>;
}

export interface JobsOptions {
  connection: QueueConnection;
  kinds: readonly AnyJobKind[];
  openWorkspace(binding: Binding): WorkspaceDb;
  clock: Clock;
  log: Logger;
}

/** How long a stopping server waits for its jobs, within the half minute that it has. */
const DRAIN_MS = 20_000;
const MAX_COUNTED = 10_000;
/** How often somebody looks for jobs whose server is gone, and for what is old. */
const SUPERVISE_MS = 5_000;

/** The jobs of this server. The queue is opened at the first use. */
export function createJobs({ connection, kinds, openWorkspace, clock, log }: JobsOptions): Jobs {
  const stopping = new AbortController();
  const workIds = new Map<string, string>();
  let opening: Promise<OpenQueue> | undefined;
  let supervision: NodeJS.Timeout | undefined;
  const open = (): Promise<OpenQueue> => {
    opening ??= openQueue(connection, { kinds, log }).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  const supervise = ({ boss }: OpenQueue) => {
    supervision = setTimeout(async () => {
      await boss.supervise().catch((error: unknown) => {
        log.warn({ err: { message: String(error) } }, "the job queue could not be looked after; it is tried again");
      });
      if (!stopping.signal.aborted) supervise({ boss } as OpenQueue);
    }, SUPERVISE_MS).unref();
  };
  return {
    send: async (executor, job) => (await open()).send(executor, job),
    wake({ name }) {
      const workId = workIds.get(name);
      if (workId !== undefined) void opening?.then(({ boss }) => boss.notifyWorker(workId));
    },
    async start(sweeps) {
      const queue = await open();
      for (const kind of kinds) workIds.set(kind.name, await takeJobs(queue.boss, kind, { openWorkspace, log }));
      await startSweeps(queue.boss, sweeps, { clock, log, stopping: stopping.signal });
      supervise(queue);
    },
    async countDead(kind) {
      const { boss } = await open();
      return (await boss.previewRedrive(deadQueueOf(kind), { limit: MAX_COUNTED })).total;
    },
    async oldestWaitingSeconds({ name }) {
      const { rows } = await connection.executeSql(
        "select extract(epoch from now() - min(created_on))::float8 as age from parlant.job where name = $1 and state < 'active'",
        [name],
      );
      return (rows[0] as { age: number | null } | undefined)?.age ?? 0;
    },
    async replayDead(kind, workspaceId) {
      const { boss } = await open();
      return boss.redrive(deadQueueOf(kind), { data: { workspaceId } });
    },
    async stop() {
      stopping.abort();
      clearTimeout(supervision);
      const queue = await opening?.catch(() => undefined);
      await queue?.boss.stop({ graceful: true, timeout: DRAIN_MS });
    },
  };
}
