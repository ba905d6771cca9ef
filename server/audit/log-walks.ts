import { AppError } from "../shared/errors.ts";

/** Lets through the calls that read a whole log, few at a time. */
export interface LogWalks {
  /**
   * Resolves to what `walk` does. A walk of a large log takes seconds of this process and of the database, and a caller who
   * asks twice at once gets nothing from it that the first answer has not.
   *
   * @throws AppError RATE_LIMITED where this process is reading the workspace's log already; SERVICE_UNAVAILABLE where it is
   * reading as many others as it may
   */
  run<Result>(workspaceId: string, walk: () => Promise<Result>): Promise<Result>;
}

const MAX_WALKS = 4;
const RETRY_AFTER_SECONDS = 2;

export function createLogWalks(maxWalks = MAX_WALKS): LogWalks {
  const walked = new Set<string>();
  return {
    async run(workspaceId, walk) {
      if (walked.has(workspaceId)) {
        const message = "This workspace's audit log is being verified or proven already; try again when that is done";
        throw new AppError("RATE_LIMITED", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
      }
      if (walked.size >= maxWalks) {
        const message = `The server is going through ${maxWalks} audit logs at the moment; try again`;
        throw new AppError("SERVICE_UNAVAILABLE", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
      }
      walked.add(workspaceId);
      try {
        return await walk();
      } finally {
        walked.delete(workspaceId);
      }
    },
  };
}
