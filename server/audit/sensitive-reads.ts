import type { Operation } from "../permissions/levels.ts";

/**
 * Reads that tell of other people: what they did, what they may do, how the workspace is protected. Each one is an event
 * of the audit trail by itself; every other read is a decision. An export is one too, and records itself: it is many calls.
 */
const SENSITIVE_READS: ReadonlySet<string> = new Set([
  "audit:list",
  "audit:verify",
  "audit:prove",
  "isolation:report",
  "access:members",
  "access:explain",
  "access:simulate",
]);

export function isSensitiveRead(operation: Operation): boolean {
  return SENSITIVE_READS.has(operation);
}
