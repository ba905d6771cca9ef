import type { z } from "zod";
import type { WorkspaceDb, WorkspaceTransaction } from "../db/workspace-db.ts";

/** What every job says of itself. */
export interface JobData {
  workspaceId: string;
}

/** What a handler is given: the one workspace that its job is for, as the server itself sees it. */
export interface JobContext {
  workspaceId: string;
  db: WorkspaceDb;
  /** Aborted when the attempt's time is over, or the server's is. */
  signal: AbortSignal;
  /** 1 for the first. An attempt that a crash ended counts. */
  attempt: number;
}

/** A kind of job, as data. Its handler is run at least once for each job, so it has to be idempotent. */
export interface JobKind<Data extends JobData = JobData> {
  /** Names its queue too. */
  name: string;
  /** What a job of this kind carries: ids, and never contents. */
  data: z.ZodType<Data>;
  /** How long one attempt may last. */
  timeoutMs: number;
  /** How many attempts follow a failed first one, each after twice the delay of the one before, with jitter. */
  retries: number;
  /** The delay before the first retry; 2 unless given. */
  retryDelaySeconds?: number;
  /**
   * Does the work of jobs of one workspace that were taken together, at most `batchSize` of them. Where it fails for
   * several, it is run for each of them alone, so that none fails for another.
   */
  handle(ctx: JobContext, jobs: readonly Data[]): Promise<void>;
  /** Takes note of a job that has failed for good; without it, the job stays in the queue's dead letters. */
  onDead?(ctx: JobContext, job: Data, reason: string): Promise<void>;
  /** 1 unless given. */
  batchSize?: number;
}

/** What is told of a kind beside its data's type, which only its own handler knows. */
export type AnyJobKind = Omit<JobKind, "data" | "handle" | "onDead"> & {
  data: z.ZodType<JobData>;
  handle(ctx: JobContext, jobs: readonly never[]): Promise<void>;
  onDead?(ctx: JobContext, job: never, reason: string): Promise<void>;
};

/** Puts a job into the queue; it exists exactly if the transaction commits. Resolves to its id. */
export function enqueue<Data extends JobData>(
  tx: Pick<WorkspaceTransaction, "enqueue">,
  kind: Pick<JobKind<Data>, "name">,
  data: Omit<Data, "workspaceId">,
  options: { startAfterSeconds?: number } = {},
): Promise<string> {
  return tx.enqueue({ kind: kind.name, data, ...options });
}
