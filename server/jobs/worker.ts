import type { JobResult, JobWithMetadata, PgBoss } from "pg-boss";
import type { Binding } from "../db/binding.ts";
import { isDatabaseUnavailable } from "../db/errors.ts";
import { systemBinding } from "../db/system-binding.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import type { Logger } from "../shared/logger.ts";
import type { AnyJobKind, JobContext, JobData, JobKind } from "./job-kind.ts";
import { deadQueueOf } from "./queue.ts";
import { runAttempt } from "./run-attempt.ts";

interface WorkerOptions {
  openWorkspace(binding: Binding): WorkspaceDb;
  log: Logger;
}

type QueuedJob = JobWithMetadata<object>;
interface ParsedJob {
  job: QueuedJob;
  data: JobData;
}

/** How often the queue is looked at where nobody says that there is something in it. */
const POLL_SECONDS = 1;
/** Workspaces whose jobs are done at the same time. */
const WORKSPACES_AT_ONCE = 6;
const MAX_REASON = 500;

/**
 * Takes the jobs of the kind from now on, and those that have failed for good where the kind takes note of them. Resolves
 * to the worker's id in the library, by which it can be woken.
 */
export async function takeJobs(boss: PgBoss, anyKind: AnyJobKind, options: WorkerOptions): Promise<string> {
  const kind = anyKind as JobKind;
  const work = { includeMetadata: true, perJobResults: true, pollingIntervalSeconds: POLL_SECONDS } as const;
  if (kind.onDead) {
    await boss.work(deadQueueOf(kind), { ...work, batchSize: 10, burstWhenBatchFull: true }, (jobs: QueuedJob[]) =>
      runBatch(kind, jobs, options, (ctx, [first]) => noteDead(kind, ctx, first)),
    );
  }
  const batchSize = kind.batchSize ?? 1;
  return boss.work(kind.name, { ...work, batchSize, burstWhenBatchFull: true }, (jobs: QueuedJob[]) =>
    runBatch(
      kind,
      jobs,
      options,
      (ctx, parsed) =>
        kind.handle(
          ctx,
          parsed.map(({ data }) => data),
        ),
      true,
    ),
  );
}

async function noteDead(kind: JobKind, ctx: JobContext, dead: ParsedJob | undefined): Promise<void> {
  if (dead) await kind.onDead?.(ctx, dead.data, reasonIn(dead.job.sourceOutput));
}

type Handle = (ctx: JobContext, jobs: readonly ParsedJob[]) => Promise<void>;

/** Every job of the batch has a result; those of one workspace are handled together where that may be. */
async function runBatch(
  kind: JobKind,
  jobs: readonly QueuedJob[],
  options: WorkerOptions,
  handle: Handle,
  isTogether = false,
): Promise<JobResult[]> {
  const results: JobResult[] = [];
  const groups = new Map<string, ParsedJob[]>();
  for (const job of jobs) {
    const parsed = kind.data.safeParse(job.data);
    if (!parsed.success) {
      results.push({ id: job.id, status: "deadletter", output: { message: "The job's data is not what its kind carries" } });
      continue;
    }
    const key = isTogether ? parsed.data.workspaceId : job.id;
    groups.set(key, [...(groups.get(key) ?? []), { job, data: parsed.data }]);
  }
  const waiting = [...groups.values()];
  const run = async (group: readonly ParsedJob[]): Promise<void> => {
    const failure = await runGroup(kind, group, options, handle);
    if (failure === null) results.push(...group.map(({ job }) => ({ id: job.id, status: "completed" as const })));
    else if (group.length === 1 || failure.isOfAll) results.push(...group.map(({ job }) => failed(job, failure.reason)));
    else for (const one of group) await run([one]);
  };
  await Promise.all(
    Array.from({ length: WORKSPACES_AT_ONCE }, async () => {
      for (let group = waiting.shift(); group; group = waiting.shift()) await run(group);
    }),
  );
  return results;
}

interface Failure {
  reason: string;
  /** Whether no job of the group would fare better alone: the database is away, or the server stops. */
  isOfAll: boolean;
}

/** Null where the group is done, else why it is not. */
async function runGroup(
  kind: JobKind,
  group: readonly ParsedJob[],
  { openWorkspace, log }: WorkerOptions,
  handle: Handle,
): Promise<Failure | null> {
  const [first] = group;
  if (!first) return null;
  const { workspaceId } = first.data;
  const attempt = Math.max(...group.map(({ job }) => job.retryCount)) + 1;
  const db = openWorkspace(systemBinding(workspaceId, kind.name));
  try {
    await runAttempt((signal) => handle({ workspaceId, db, signal, attempt }, group), {
      timeoutMs: kind.timeoutMs,
      stopping: first.job.signal,
    });
    return null;
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON);
    log.warn({ workspaceId, job: kind.name, jobs: group.length, attempt, err: { message: reason } }, "a job failed");
    return { reason, isOfAll: isDatabaseUnavailable(error) || first.job.signal.aborted };
  }
}

function failed(job: QueuedJob, message: string): JobResult {
  return { id: job.id, status: "failed", output: { message } };
}

function reasonIn(output: object | null): string {
  const message = (output as { message?: unknown } | null)?.message;
  return typeof message === "string" ? message : "It failed for good";
}
