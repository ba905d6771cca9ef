import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openSpool } from "../../server/audit/spool.ts";
import { createTrailQueue, type QueuedEvent } from "../../server/audit/trail-queue.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";

const event = (index: number, workspaceId = "w"): QueuedEvent => ({
  workspaceId,
  action: "agent.get",
  reasonCode: "NO_WORKSPACE_PERMISSION",
  rule: null,
  actorKind: "session",
  actorId: `user-${index}`,
  onBehalfOf: null,
  method: null,
  target: { kind: "workspace", id: workspaceId },
  ipAddress: null,
  requestId: null,
});

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "parlant-denials-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface FakeDatabase {
  isAway?: boolean;
  isSilent?: boolean;
  isSilentAtWriting?: boolean;
  /** A workspace that takes no event. */
  closed?: string;
}

interface Row {
  id: string;
  actorId: string;
}

function makeQueue(database: FakeDatabase, maxBytes = 10_000_000) {
  const written: Row[] = [];
  const logged: string[] = [];
  const queue = createTrailQueue({
    spool: openSpool({ directory, maxBytes, rotateBytes: 100_000 }),
    openWorkspace: ({ workspaceId }) =>
      ({
        auditEvent: {
          async createMany({ data }: { data: Row[] }) {
            if (database.isSilentAtWriting) await new Promise(() => {});
            if (workspaceId === database.closed) throw new Error("closed");
            written.push(...data);
          },
        },
      }) as unknown as WorkspaceDb,
    workspaceKeys: {
      find: () => Promise.reject(new Error("unused")),
      renew: () => Promise.reject(new Error("unused")),
      forget: () => 0,
    },
    sim: {
      async query<Found>() {
        if (database.isSilent) await new Promise(() => {});
        if (database.isAway) throw new Error("away");
        return [{ id: "w" }, { id: "other" }] as Found[];
      },
    },
    clock: { now: () => 1_800_000_000_000 },
    log: pino({ base: null }, { write: (line: string) => logged.push(line) }),
  });
  return { queue, written, logged };
}

test("the spool is bounded: what does not fit is counted and logged, and the rest is written", async () => {
  const { queue, written, logged } = makeQueue({}, 100_000);
  for (let index = 0; index < 1_000; index++) queue.add(event(index));
  await queue.flush();
  const { recorded, lost } = queue.counters;
  expect(recorded).toBe(1_000);
  expect(lost).toBeGreaterThan(0);
  expect(written).toHaveLength(1_000 - lost);
  expect(logged.join("")).toContain("takes no more denials");
  await queue.close();
});

test.each([{ isAway: true }, { isSilent: true }, { isSilentAtWriting: true }])(
  "what a queue that closes cannot write stays on the disk for the next one: %o",
  async (trouble) => {
    vi.useFakeTimers();
    try {
      const { queue, written, logged } = makeQueue(trouble);
      for (let index = 0; index < 3; index++) queue.add(event(index));
      void queue.flush().catch(() => {});
      await vi.advanceTimersByTimeAsync(0);
      queue.add(event(3));
      const closing = queue.close();
      await vi.advanceTimersByTimeAsync(5_000);
      await closing;
      expect(written).toEqual([]);
      expect(queue.counters.lost).toBe(0);
      expect(logged.join("")).toContain("denials stay spooled for the next start");
    } finally {
      vi.useRealTimers();
    }
  },
);

test("one workspace that cannot be written keeps no other waiting, and what was written is not written again", async () => {
  const database: FakeDatabase = { closed: "other" };
  const { queue, written } = makeQueue(database);
  for (let index = 0; index < 3; index++) queue.add(event(index, index === 1 ? "other" : "w"));
  await expect(queue.flush()).rejects.toThrow("closed");
  queue.add(event(3));
  await expect(queue.flush()).rejects.toThrow("closed");
  expect(written.map(({ actorId }) => actorId)).toEqual(["user-0", "user-2", "user-3"]);
  delete database.closed;
  await queue.flush();
  expect(written.map(({ actorId }) => actorId)).toEqual(["user-0", "user-2", "user-3", "user-1"]);
  expect(queue.counters).toEqual({ recorded: 4, written: 4, lost: 0 });
  await queue.close();
});

test("events keep their ids from one attempt to the next, so that a row whose acknowledgement was lost is not doubled", async () => {
  const database: FakeDatabase = { isAway: true };
  const { queue, written } = makeQueue(database);
  queue.add(event(1));
  await expect(queue.flush()).rejects.toThrow("away");
  queue.add(event(1));
  await expect(queue.flush()).rejects.toThrow("away");
  database.isAway = false;
  await queue.flush();
  const ids = written.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toHaveLength(2);
  await queue.close();
});
