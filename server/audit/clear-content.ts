import type { JsonValue } from "../shared/json.ts";

/** Recorded before anything of a workspace is purged: what there was, and the hash of its export. */
export const PURGE_STARTED = "workspace.purge_started";
/** Recorded with the end of the workspace's keys: that nothing is left. */
export const PURGED = "workspace.purge";

/**
 * Content that is to outlive its workspace's keys, which numbers and names of tables alone may be: JSON in the clear. No
 * ciphertext begins as it does.
 */
export function toClearContent(content: { [name: string]: JsonValue }): Buffer<ArrayBuffer> {
  return Buffer.from(JSON.stringify(content));
}

/** The content again; undefined where it is none that was written in the clear. */
export function readClearContent(stored: Uint8Array): JsonValue | undefined {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  if (bytes.at(0) !== "{".charCodeAt(0)) return undefined;
  try {
    return JSON.parse(bytes.toString()) as JsonValue;
  } catch {
    return undefined; // other bytes than were written
  }
}

/** Whether an event's content outlives its workspace's keys: a purge's, and no other. */
export function isInTheClear({ action }: { action: string }): boolean {
  return action === PURGE_STARTED || action === PURGED;
}
