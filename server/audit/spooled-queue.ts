import { isDatabaseUnavailable } from "../db/errors.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { Spool } from "./spool.ts";

export interface SpooledQueueOptions<Item> {
  spool: Spool;
  /** What its records are called in the log. */
  what: "decisions" | "denials";
  parse(record: string): Item;
  /** Writes what one file held. Rejects where the database does not take it: then the file stays, and comes again whole. */
  write(items: readonly Item[]): Promise<void>;
  /** Whether the database will never take the row that it refused with this. */
  isFinal(error: unknown): boolean;
  clock: Clock;
  log: Logger;
}

/** Records that are on the local disk before they are in the database. */
export interface SpooledQueue {
  /** Records that the spool or the database refused, and damaged files, each as one. */
  readonly lost: number;
  /** Whether records cannot be spooled, or cannot be written, at the moment. */
  readonly isFailing: boolean;
  /** The record outlives this process when this returns; it is written soon. @throws the spool's error */
  append(record: string): void;
  /** Inserts rows, batch by batch; one that PostgreSQL will never take is lost, so that it does not hold up those behind it. */
  insert<Row>(rows: readonly Row[], insert: (rows: readonly Row[]) => Promise<unknown>): Promise<number>;
  lose(error: unknown, message: string): void;
  /** What is not written yet: its bytes, and since when at the latest the oldest of it waits. */
  waiting(): { bytes: number; sinceMs: number | null };
  /** Tries again soon. */
  schedule(): void;
  /** All that was spooled before is in the database. Rejects where it takes nothing; what is spooled stays. */
  flush(): Promise<void>;
  /** Writes what is left, as far as the database lets it within a few seconds; the rest stays spooled for the next start. */
  close(): Promise<void>;
}

const FLUSH_MS = 250;
const MAX_RETRY_MS = 10_000;
const ROWS_PER_INSERT = 500;
const CLOSE_MS = 5_000;
const COMPLAIN_EVERY_MS = 10_000;
/** A process that serves on must not leave the records of one that died beside it until the next start. */
const ADOPT_EVERY_MS = 60_000;
/** Of these the file is not the cause. */
const PASSING = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EINTR"]);

/**
 * Keeps records in the spool, and brings them into the database file by file. A file may be written twice, since a process
 * may die before it removes what it has written: ids must make that once.
 */
export function createSpooledQueue<Item>(options: SpooledQueueOptions<Item>): SpooledQueue {
  const { spool, what, parse, write, isFinal, clock, log } = options;
  let lost = 0;
  let failures = 0;
  let isSpoolFailing = false;
  let complainedAtMs = Number.NEGATIVE_INFINITY;
  let isClosed = false;
  let sinceMs: number | null = null;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  function schedule(): void {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        flush().catch(() => schedule());
      },
      Math.min(FLUSH_MS * 2 ** failures, MAX_RETRY_MS),
    ).unref();
  }

  function complain(error: unknown, message: string): void {
    if (clock.now() - complainedAtMs < COMPLAIN_EVERY_MS) return;
    complainedAtMs = clock.now();
    log.error({ lost, waitingBytes: spool.size(), err: { message: messageOf(error) } }, message);
  }

  function lose(error: unknown, message: string): void {
    lost++;
    complain(error, message);
  }

  function flush(): Promise<void> {
    running = running.catch(() => {}).then(flushOnce);
    return running;
  }

  async function flushOnce(): Promise<void> {
    const problems: unknown[] = [];
    const startedMs = clock.now();
    for (const file of spool.takeFiles()) {
      await flushFile(file).catch((error: unknown) => problems.push(error));
      // Every other file would wait for the same connection.
      if (problems.some(isDatabaseUnavailable)) break;
    }
    if (problems.length === 0) {
      sinceMs = spool.size() > 0 ? startedMs : null;
      failures = 0;
      isSpoolFailing = false;
      return;
    }
    failures++;
    complain(problems[0], `audit: ${what} cannot be written at the moment; they stay spooled`);
    throw problems[0];
  }

  /** Writes what can be read of a file: what is wrong with one holds up no other. Rejects where the database takes nothing. */
  async function flushFile(file: string): Promise<void> {
    const { items, problem } = readItems(file);
    if (items.length > 0) await write(items);
    try {
      if (problem === null) return spool.remove(file);
      lost++;
      log.error({ file, lost, ...problem }, "audit: a spool file is damaged; what cannot be read is lost");
      spool.setAside(file);
    } catch (error) {
      log.error({ file, err: { message: messageOf(error) } }, "audit: a spool file can be neither removed nor renamed");
    }
  }

  /** @throws the file system's error where it is for want of something that comes again */
  function readItems(file: string): { items: Item[]; problem: object | null } {
    const items: Item[] = [];
    try {
      const { records, damagedBytes } = spool.read(file);
      for (const record of records) items.push(parse(record));
      return { items, problem: damagedBytes === 0 ? null : { damagedBytes } };
    } catch (error) {
      if (PASSING.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
      return { items, problem: { err: { message: messageOf(error) } } };
    }
  }

  async function insertSome<Row>(rows: readonly Row[], insert: (rows: readonly Row[]) => Promise<unknown>): Promise<number> {
    try {
      await insert(rows);
      return rows.length;
    } catch (error) {
      if (!isFinal(error)) throw error;
      if (rows.length === 1) {
        lose(error, `audit: one of the ${what} is of a form that the database refuses`);
        return 0;
      }
      const half = Math.ceil(rows.length / 2);
      return (await insertSome(rows.slice(0, half), insert)) + (await insertSome(rows.slice(half), insert));
    }
  }

  function adopt(): void {
    try {
      spool.adoptOrphans();
    } catch (error) {
      complain(error, "audit: what other processes left in the spool cannot be looked for");
    }
    takeUp();
  }

  /** Writes soon what is in the spool already. */
  function takeUp(): void {
    if (spool.size() === 0) return;
    sinceMs ??= clock.now();
    schedule();
  }

  takeUp();
  const adopting = setInterval(adopt, ADOPT_EVERY_MS).unref();
  return {
    get lost() {
      return lost;
    },
    get isFailing() {
      return failures > 0 || isSpoolFailing;
    },
    append(record) {
      schedule();
      try {
        spool.append(record);
        sinceMs ??= clock.now();
      } catch (error) {
        isSpoolFailing = true;
        throw error;
      }
    },
    async insert(rows, insert) {
      let written = 0;
      for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
        written += await insertSome(rows.slice(start, start + ROWS_PER_INSERT), insert);
      }
      return written;
    },
    lose,
    waiting: () => ({ bytes: spool.size(), sinceMs }),
    schedule,
    flush,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      clearInterval(adopting);
      const deadline = Promise.withResolvers<void>();
      const overdue = setTimeout(deadline.resolve, CLOSE_MS);
      await Promise.race([
        flush()
          .catch(() => flush())
          .catch(() => {}),
        deadline.promise,
      ]);
      clearTimeout(overdue);
      if (spool.size() > 0) log.warn({ waitingBytes: spool.size() }, `audit: ${what} stay spooled for the next start`);
      spool.close();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
