import { join } from "node:path";
import { openSpool, type Spool } from "./spool.ts";

/** About two million decisions. */
const MAX_SPOOL_BYTES = 512 * 1024 * 1024;
const SPOOL_FILE_BYTES = 4 * 1024 * 1024;
/** About a quarter of a million denials. */
const MAX_DENIAL_SPOOL_BYTES = 128 * 1024 * 1024;
const DENIAL_SPOOL_FILE_BYTES = 1024 * 1024;

/** Where decisions wait for the database, in this server's spool directory. */
export function openDecisionSpool(directory: string): Spool {
  return openSpool({ directory, maxBytes: MAX_SPOOL_BYTES, rotateBytes: SPOOL_FILE_BYTES });
}

/** Where denials do, beside them. */
export function openDenialSpool(directory: string): Spool {
  return openSpool({
    directory: join(directory, "denials"),
    maxBytes: MAX_DENIAL_SPOOL_BYTES,
    rotateBytes: DENIAL_SPOOL_FILE_BYTES,
  });
}
