import { afterAll, beforeAll, expect, test } from "vitest";
import type { JobContext } from "../../server/jobs/job-kind.ts";
import { createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../support/database.ts";
import { isPgBouncerTracking, pgBouncerBinary, startPgBouncer } from "../support/pgbouncer.ts";
import { countdown, noteKind, openJobs } from "./jobs-fixture.ts";

let database: TestDatabase;
const [acme, other] = ["acme", "other"];

beforeAll(async () => {
  database = await createTestDatabase();
  const owner = await makeUser(database.owner);
  for (const id of [acme, other]) await makeWorkspace(database.owner, { id, ownerId: owner.id });
});
afterAll(() => database?.drop());

async function statesOf(queue: string): Promise<Record<string, number>> {
  const { rows } = await database.owner.query<{ state: string; jobs: number }>(
    "SELECT state::text, count(*)::integer AS jobs FROM parlant.job WHERE name = $1 GROUP BY 1",
    [queue],
  );
  return Object.fromEntries(rows.map(({ state, jobs }) => [state, jobs]));
}

test("of several servers one handles each job", async () => {
  const NOTES = 200;
  const handled: string[] = [];
  const all = countdown(NOTES);
  const kind = noteKind("shared", {
    batchSize: 10,
    async handle(_, notes) {
      for (const { noteId } of notes) {
        handled.push(noteId);
        all.count();
      }
    },
  });
  const servers = [1, 2, 3].map(() => openJobs(database.appUrl, [kind]));
  const ids = Array.from({ length: NOTES }, (_, index) => `n${index}`);
  await servers[0]?.send(acme, kind, ...ids);
  await Promise.all(servers.map(({ jobs }) => jobs.start([])));
  await all.done;
  expect(handled.toSorted()).toEqual(ids.toSorted());
});

test("a job whose server is gone is taken up again", async () => {
  const attempts: JobContext["attempt"][] = [];
  const one = countdown(1);
  const kind = noteKind("orphan", {
    retries: 1,
    async handle({ attempt }) {
      attempts.push(attempt);
      one.count();
    },
  });
  const { jobs, send } = openJobs(database.appUrl, [kind]);
  await send(acme, kind, "n");
  // As a server leaves it that is killed while it has the job.
  const { rowCount } = await database.owner.query(
    `UPDATE parlant.job SET state = 'active', started_on = now() - interval '1 minute', heartbeat_on = now() - interval '1 minute'
     WHERE name = 'orphan'`,
  );
  expect(rowCount).toBe(1);
  await jobs.start([]);
  await one.done;
  expect(attempts).toEqual([2]);
}, 30_000);

test("a stopping server ends what it is doing and takes nothing more", async () => {
  const started = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const ended: string[] = [];
  const kind = noteKind("drained", {
    async handle(_, [note]) {
      started.resolve();
      await mayEnd.promise;
      ended.push(note?.noteId ?? "");
    },
  });
  const { jobs, send } = openJobs(database.appUrl, [kind]);
  await send(acme, kind, "first", "second");
  await jobs.start([]);
  await started.promise;
  const stopped = jobs.stop().then(() => ended.push("stopped"));
  mayEnd.resolve();
  await stopped;
  expect(ended).toHaveLength(2);
  expect(ended[1]).toBe("stopped");
  expect(await statesOf(kind.name)).toEqual({ completed: 1, created: 1 });
});

test("of several servers one makes a sweep in each slot, and never two at once", async () => {
  const slots: number[] = [];
  let running = 0;
  let mostAtOnce = 0;
  const three = countdown(3);
  const sweep = {
    name: "test",
    everySeconds: 1,
    async run() {
      mostAtOnce = Math.max(mostAtOnce, ++running);
      const { rows } = await database.owner.query<{ slot: number }>("SELECT floor(extract(epoch FROM now()))::integer AS slot");
      slots.push(rows[0]?.slot ?? 0);
      running--;
      three.count();
    },
  };
  const servers = [1, 2, 3].map(() => openJobs(database.appUrl, []));
  await Promise.all(servers.map(({ jobs }) => jobs.start([sweep])));
  await three.done;
  await Promise.all(servers.map(({ jobs }) => jobs.stop()));
  const { rows } = await database.owner.query<{ jobs: number; slots: number }>(
    `SELECT count(*)::integer AS jobs, count(DISTINCT singleton_on)::integer AS slots FROM parlant.job
     WHERE name = 'sweep' AND singleton_key = 'test'`,
  );
  expect(rows[0]?.jobs).toBe(rows[0]?.slots);
  expect(slots.length).toBeLessThanOrEqual(rows[0]?.jobs ?? 0);
  expect(mostAtOnce).toBe(1);
}, 30_000);

test.skipIf(!pgBouncerBinary)(
  `through PgBouncer in transaction mode${pgBouncerBinary ? "" : " (skipped: not installed)"}`,
  async () => {
    const bouncer = await startPgBouncer([database.appUrl], { poolSize: 3 });
    try {
      const all = countdown(40);
      const kind = noteKind("pooled", {
        batchSize: 10,
        async handle(_, notes) {
          for (const _note of notes) all.count();
        },
      });
      const { jobs, send } = openJobs(bouncer.through(database.appUrl), [kind]);
      await jobs.start([]);
      for (let i = 0; i < 4; i++) await send(acme, kind, ...Array.from({ length: 10 }, (_, j) => `${i}-${j}`));
      jobs.wake(kind);
      await all.done;
      await jobs.stop();
      expect(await statesOf(kind.name)).toEqual({ completed: 40 });
      expect(typeof isPgBouncerTracking).toBe("boolean");
    } finally {
      await bouncer.stop();
    }
  },
);

test("jobs that the server's stop ends in the middle are not begun one by one", async () => {
  const started = Promise.withResolvers<void>();
  const batches: number[] = [];
  const kind = noteKind("stopped", {
    batchSize: 10,
    retries: 3,
    timeoutMs: 60_000,
    handle: (_, notes) => {
      batches.push(notes.length);
      started.resolve();
      return new Promise(() => {});
    },
  });
  const { jobs, send } = openJobs(database.appUrl, [kind]);
  await send(acme, kind, "a", "b", "c");
  await jobs.start([]);
  await started.promise;
  await jobs.stop();
  expect(batches).toEqual([3]);
  expect(await statesOf(kind.name)).toEqual({ retry: 3 });
}, 60_000);
