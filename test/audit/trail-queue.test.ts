import pino from "pino";
import { expect, test, vi } from "vitest";
import { createTrailQueue, type QueuedEvent } from "../../server/audit/trail-queue.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";

const event = (index: number): QueuedEvent => ({
  workspaceId: "w",
  action: "agent.get",
  reasonCode: "NO_WORKSPACE_PERMISSION",
  rule: null,
  actorKind: "session",
  actorId: `user-${index}`,
  onBehalfOf: null,
  method: null,
  target: { kind: "workspace", id: "w" },
  ipAddress: null,
  requestId: null,
});

function makeQueue(database: { isAway: boolean; isSilent?: boolean; isSilentAtWriting?: boolean }) {
  const written: unknown[] = [];
  const logged: string[] = [];
  const queue = createTrailQueue({
    openWorkspace: () =>
      ({
        auditEvent: {
          async createMany({ data }: { data: unknown[] }) {
            if (database.isSilentAtWriting) await new Promise(() => {});
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
      async query<Row>() {
        if (database.isSilent) await new Promise(() => {});
        if (database.isAway) throw new Error("away");
        return [{ id: "w" }] as Row[];
      },
    },
    clock: { now: () => 1_800_000_000_000 },
    log: pino({ base: null }, { write: (line: string) => logged.push(line) }),
  });
  return { queue, written, logged };
}

test("memory is bounded: what does not fit is counted and logged, and the rest is written", async () => {
  const { queue, written, logged } = makeQueue({ isAway: false });
  for (let index = 0; index < 10_050; index++) queue.add(event(index));
  await queue.flush();
  expect(written).toHaveLength(10_000);
  expect(queue.counters).toEqual({ recorded: 10_050, written: 10_000, lost: 50 });
  expect(logged.join("")).toContain('"lost":50');
  await queue.close();
});

test("a queue that closes while the database is away says how much it could not write", async () => {
  const { queue, written, logged } = makeQueue({ isAway: true });
  for (let index = 0; index < 3; index++) queue.add(event(index));
  await queue.close();
  expect(written).toEqual([]);
  expect(queue.counters.lost).toBe(3);
  expect(logged.join("")).toContain('"lost":3');
});

test.each([{ isSilent: true }, { isSilentAtWriting: true }])(
  "a queue that closes while the database says nothing waits a few seconds and says what is lost: %o",
  async (silence) => {
    vi.useFakeTimers();
    try {
      const { queue, written, logged } = makeQueue({ isAway: false, ...silence });
      for (let index = 0; index < 3; index++) queue.add(event(index));
      void queue.flush();
      await vi.advanceTimersByTimeAsync(0);
      queue.add(event(0));
      let isClosed = false;
      const closing = queue.close().then(() => {
        isClosed = true;
      });
      await vi.advanceTimersByTimeAsync(4_999);
      expect(isClosed).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await closing;
      expect(written).toEqual([]);
      expect(queue.counters.lost).toBe(4);
      expect(logged.join("")).toContain('"lost":4');
    } finally {
      vi.useRealTimers();
    }
  },
);

test("events keep their ids from one attempt to the next, so that a row whose acknowledgement was lost is not doubled", async () => {
  const database = { isAway: true };
  const { queue, written } = makeQueue(database);
  queue.add(event(1));
  await expect(queue.flush()).rejects.toThrow("away");
  queue.add(event(1));
  await expect(queue.flush()).rejects.toThrow("away");
  database.isAway = false;
  await queue.flush();
  const ids = (written as { id: string }[]).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toHaveLength(2);
  await queue.close();
});
