import type { WorkspaceContext } from "../../permissions/workspace-context.ts";

/** For how many milliseconds the caller's credential still is good by itself; Infinity where it does not end. */
export function untilCredentialEnds({
  credentialEndsAtMs,
  clock,
}: Pick<WorkspaceContext, "credentialEndsAtMs" | "clock">): number {
  return credentialEndsAtMs === null ? Number.POSITIVE_INFINITY : credentialEndsAtMs - clock.now();
}
