import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import { auditOrigin, type Checkpoint, fromBase64, HASH_BYTES, toBase64 } from "../../client-sdk/src/audit/index.ts";
import type { Logger } from "../shared/logger.ts";
import { ifThere, isOrphaned, nameOfOwn, startHeartbeat } from "./process-files.ts";
import { readFrames, toFrame } from "./spool-frames.ts";

/**
 * The longest state of each log that was signed or found here. It lies outside of the database: whoever cuts a log back to
 * an older signed state, while no server runs too, is told by it.
 */
export interface SignedStates {
  get(workspaceId: string): Checkpoint | undefined;
  /** Whose logs' states are known. */
  workspaceIds(): string[];
  /** Takes the state, unless a longer one is known. It outlives the process when this returns, and a power cut within seconds. */
  note(workspaceId: string, checkpoint: Checkpoint): void;
  close(): void;
}

/** Of so many workspaces, those written to last. */
const MAX_WORKSPACES = 50_000;
const SYNC_MS = 1_000;
/** A file is written anew when it has this many times as many records as there are states. */
const MAX_GROWTH = 4;
const MIN_RECORDS = 10_000;
const SUFFIX = ".signed";

/**
 * Opens the states under `directory`, which holds one database's. Each process appends to a file of its own; what others
 * wrote there is read, and what dead ones left is taken over.
 *
 * @throws the file system's error where the directory cannot be made or read; where it cannot be written to, that is logged
 * and tried again with each state
 */
export function openSignedStates(options: { directory: string; log: Logger; maxWorkspaces?: number }): SignedStates {
  const { directory, log, maxWorkspaces = MAX_WORKSPACES } = options;
  const states = new LRUCache<string, Checkpoint>({ max: maxWorkspaces });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const own = join(directory, `${nameOfOwn()}${SUFFIX}`);
  const found = readdirSync(directory).filter((file) => file.includes(SUFFIX));
  for (const file of found) if (file.endsWith(SUFFIX)) readStates(join(directory, file));
  let records = 0;
  /** Nothing may follow a record that was cut off: a reader stops there. */
  let isCutOff = false;
  let fd: number | null = null;
  let isClosed = false;
  try {
    fd = rewrite();
    // Only now is what they had written down elsewhere.
    for (const file of found) {
      const path = join(directory, file);
      if (isOrphaned(path, file.slice(0, file.indexOf(SUFFIX)))) rmSync(path, { force: true });
    }
  } catch (error) {
    complain(error);
  }
  const heartbeat = startHeartbeat(own);
  let syncing: NodeJS.Timeout | undefined;

  function readStates(path: string): void {
    const { records: texts, damagedBytes } = readFrames(ifThere(() => readFileSync(path), Buffer.alloc(0)));
    if (damagedBytes > 0)
      log.error({ path, damagedBytes }, "audit: what was signed cannot all be read again; logs are compared with the rest");
    for (const text of texts) {
      const { workspaceId, checkpoint } = toState(text);
      if (checkpoint) take(workspaceId, checkpoint);
    }
  }

  function take(workspaceId: string, checkpoint: Checkpoint): boolean {
    const known = states.get(workspaceId);
    if (known && known.treeSize >= checkpoint.treeSize) return false;
    states.set(workspaceId, checkpoint);
    return true;
  }

  /** The file has every state once; either it or the one before is there, whenever the process ends. */
  function rewrite(): number {
    const next = `${own}.next`;
    const handle = openSync(next, "w", 0o600);
    try {
      // Oldest first, so that whoever reads it forgets the right ones.
      const frames = Array.from(states.rkeys(), (workspaceId) => {
        const state = states.peek(workspaceId);
        return state ? toFrame(toRecord(workspaceId, state)) : Buffer.alloc(0);
      });
      writeAll(handle, Buffer.concat(frames));
      fdatasyncSync(handle);
      renameSync(next, own);
      syncDirectory(directory);
      records = frames.length;
      return handle;
    } catch (error) {
      closeSync(handle);
      rmSync(next, { force: true });
      throw error;
    }
  }

  function append(workspaceId: string, checkpoint: Checkpoint): void {
    if (isClosed) return;
    if (fd === null || isCutOff || records > Math.max(MIN_RECORDS, MAX_GROWTH * states.size)) {
      const previous = fd;
      fd = rewrite();
      isCutOff = false;
      if (previous !== null) closeSync(previous);
      return;
    }
    isCutOff = true;
    writeAll(fd, toFrame(toRecord(workspaceId, checkpoint)));
    isCutOff = false;
    records++;
    syncing ??= setTimeout(sync, SYNC_MS).unref();
  }

  function sync(): void {
    syncing = undefined;
    if (fd !== null) fdatasync(fd, (error) => error && complain(error));
  }

  function complain(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    log.error({ path: own, err: { message } }, "audit: what was signed cannot be written down; a restart forgets it");
  }

  return {
    get: (workspaceId) => states.get(workspaceId),
    workspaceIds: () => [...states.keys()],
    note(workspaceId, checkpoint) {
      if (!take(workspaceId, checkpoint)) return;
      try {
        append(workspaceId, checkpoint);
      } catch (error) {
        complain(error);
      }
    },
    close() {
      isClosed = true;
      heartbeat.stop();
      clearTimeout(syncing);
      if (fd === null) return;
      const last = fd;
      fd = null;
      try {
        fdatasyncSync(last);
        closeSync(last);
      } catch (error) {
        complain(error);
      }
    },
  };
}

/** A renamed file is under its name after a power cut too. */
function syncDirectory(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}

function toRecord(workspaceId: string, { treeSize, rootHash }: Checkpoint): string {
  return JSON.stringify([workspaceId, treeSize, toBase64(rootHash)]);
}

function toState(record: string): { workspaceId: string; checkpoint: Checkpoint | null } {
  const [workspaceId, treeSize, root] = JSON.parse(record) as [string, number, string];
  const rootHash = fromBase64(root);
  const isState = rootHash?.length === HASH_BYTES && Number.isSafeInteger(treeSize);
  return { workspaceId, checkpoint: isState ? { origin: auditOrigin(workspaceId), treeSize, rootHash } : null };
}
