import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { ifThere, isOrphaned, nameOfOwn, startHeartbeat } from "./process-files.ts";
import { readFrames, type SpooledFile, toFrame } from "./spool-frames.ts";

/** The spool takes nothing more until some of it has been read and removed. */
export class SpoolFullError extends Error {
  override name = "SpoolFullError";
}

/** Records on the local disk, which outlive the process. */
export interface Spool {
  /**
   * The record is with the operating system when this returns: a process that is killed has not lost it. (A machine that
   * loses its power may have: nothing waits for the disk.)
   *
   * @throws SpoolFullError, RangeError for what is no record, or the file system's error; then the record is not in the spool
   */
  append(record: string): void;
  /** The files that are complete, oldest first: this process's own and those that dead ones left. */
  takeFiles(): string[];
  /** Takes over the files of processes that have died since. @throws the file system's error */
  adoptOrphans(): void;
  /** @throws the file system's error where it cannot be read */
  read(file: string): SpooledFile;
  /** @throws the file system's error; the file is not taken again by this process either way */
  remove(file: string): void;
  /** Keeps the file as *.damaged for whoever looks into it. @throws as remove does */
  setAside(file: string): void;
  /** Bytes that wait to be read and removed. */
  size(): number;
  close(): void;
}

const FILE = /^\d{9}\.spool$/;

/**
 * Opens this process's own spool under `directory`, which holds one database's. Files are rotated at
 * `rotateBytes`; all together hold at most `maxBytes`.
 */
export function openSpool(options: { directory: string; maxBytes: number; rotateBytes: number }): Spool {
  const { directory, maxBytes, rotateBytes } = options;
  const own = join(directory, nameOfOwn());
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const heartbeat = startHeartbeat(own);
  let current: { fd: number; file: string; bytes: number } | null = null;
  let number = 0;
  /** What was dealt with and could not be removed. */
  const left = new Set<string>();
  const sizes = new Map<string, number>();
  let total = 0;
  adoptOrphans();

  function adoptOrphans(): void {
    for (const file of orphans(directory, own)) {
      if (sizes.has(file) || left.has(file)) continue;
      const bytes = sizeOf(file);
      sizes.set(file, bytes);
      total += bytes;
    }
  }

  function seal(): void {
    if (!current) return;
    closeSync(current.fd);
    if (current.bytes > 0) sizes.set(current.file, current.bytes);
    else rmSync(current.file, { force: true });
    current = null;
  }

  /** The file waits no more, even if it cannot be got rid of: it would be read and written again without end. */
  function giveUp(file: string): void {
    total -= sizes.get(file) ?? 0;
    sizes.delete(file);
    left.add(file);
  }

  function writable(): { fd: number; file: string; bytes: number } {
    if (current && current.bytes >= rotateBytes) seal();
    if (!current) {
      const file = join(own, `${String(++number).padStart(9, "0")}.spool`);
      current = { fd: openSync(file, "wx", 0o600), file, bytes: 0 };
    }
    return current;
  }

  return {
    append(record) {
      const frame = toFrame(record);
      if (total + frame.length > maxBytes)
        throw new SpoolFullError(`The spool in ${directory} holds ${maxBytes} bytes and no more`);
      const target = writable();
      try {
        for (let written = 0; written < frame.length; ) written += writeSync(target.fd, frame, written);
      } catch (error) {
        cutBack(target.fd, target.bytes);
        // Nothing may follow a frame that could not be taken back: a reader stops there.
        seal();
        throw error;
      }
      target.bytes += frame.length;
      total += frame.length;
    },
    takeFiles() {
      seal();
      return [...sizes.keys()];
    },
    adoptOrphans,
    read: readSpoolFile,
    remove(file) {
      giveUp(file);
      rmSync(file, { force: true });
      left.delete(file);
      if (!file.startsWith(own)) removeIfEmpty(join(file, ".."));
    },
    setAside(file) {
      giveUp(file);
      ifThere(() => renameSync(file, `${file}.damaged`), undefined);
      left.delete(file);
    },
    size: () => total,
    close() {
      heartbeat.stop();
      seal();
      removeIfEmpty(own);
    },
  };
}

/** The records of a file, as far as they are whole; none where another process has read and removed it. */
export function readSpoolFile(file: string): SpooledFile {
  return readFrames(ifThere(() => readFileSync(file), Buffer.alloc(0)));
}

/** Files of spools whose process is dead. */
function orphans(directory: string, own: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(
      (entry) =>
        entry.isDirectory() && join(directory, entry.name) !== own && isOrphaned(join(directory, entry.name), entry.name),
    )
    .flatMap(({ name }) => {
      const files = ifThere(() => readdirSync(join(directory, name)), []).filter((file) => FILE.test(file));
      if (files.length === 0) removeIfEmpty(join(directory, name));
      return files.sort().map((file) => join(directory, name, file));
    });
}

function sizeOf(file: string): number {
  return ifThere(() => statSync(file).size, 0);
}

function cutBack(fd: number, bytes: number): void {
  try {
    ftruncateSync(fd, bytes);
  } catch {
    // Then the frame stays cut off, which a reader takes for the end of the file.
  }
}

function removeIfEmpty(path: string): void {
  if (ifThere(() => readdirSync(path).length, -1) === 0) rmSync(path, { recursive: true, force: true });
}
