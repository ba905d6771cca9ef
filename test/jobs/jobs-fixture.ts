import { onTestFinished } from "vitest";
import { z } from "zod";
import { openDatabase } from "../../server/db/client.ts";
import { openQueueConnection } from "../../server/db/queue-connection.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import { type AnyJobKind, enqueue, type JobKind } from "../../server/jobs/job-kind.ts";
import { createJobs } from "../../server/jobs/jobs.ts";
import { systemClock } from "../../server/shared/clock.ts";
import { createLogger } from "../../server/shared/logger.ts";

export const NoteJob = z.object({ workspaceId: z.string(), noteId: z.string() });
export type NoteJob = z.output<typeof NoteJob>;

/** A kind of job of a test's own; each test has its own name for it, because the queue is the file's. */
export function noteKind(name: string, settings: Partial<JobKind<NoteJob>> & Pick<JobKind<NoteJob>, "handle">): JobKind<NoteJob> {
  return { name, data: NoteJob, timeoutMs: 5_000, retries: 0, retryDelaySeconds: 1, ...settings };
}

/** One server's jobs on the database, until the test has ended. */
export function openJobs(databaseUrl: string, kinds: readonly AnyJobKind[]) {
  const log = createLogger("silent");
  const connection = openQueueConnection({ url: databaseUrl, onError() {} });
  const database = openDatabase({
    ...{ url: databaseUrl, poolSize: 2, maxOverflow: 4, poolTimeoutSeconds: 30, onError() {} },
    sendJob: (executor, job) => jobs.send(executor, job),
  });
  const openWorkspace = database.openWorkspace;
  const jobs = createJobs({ connection, kinds, openWorkspace, clock: systemClock, log });
  const workspace = (id: string) => openWorkspace(systemBinding(id, "test"));
  onTestFinished(async () => {
    await jobs.stop();
    await connection.close();
    await database.close();
  });
  return {
    ...{ jobs, database, workspace },
    send: (workspaceId: string, kind: JobKind<NoteJob>, ...noteIds: string[]) =>
      workspace(workspaceId).transaction(async (tx) => {
        for (const noteId of noteIds) await enqueue(tx, kind, { noteId });
      }),
  };
}

/** Resolves once it has been called `times` times. */
export function countdown(times: number): { done: Promise<void>; count(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = times;
  return {
    done: promise,
    count() {
      if (--left === 0) resolve();
    },
  };
}
