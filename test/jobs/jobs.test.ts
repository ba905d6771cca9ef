import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../support/database.ts";
import { countdown, type NoteJob, noteKind, openJobs } from "./jobs-fixture.ts";

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

test("a job exists exactly if the transaction that enqueues it commits", async () => {
  const handled: string[] = [];
  const one = countdown(1);
  const kind = noteKind("commits", {
    async handle(_, [note]) {
      handled.push(note?.noteId ?? "");
      one.count();
    },
  });
  const { jobs, workspace, send } = openJobs(database.appUrl, [kind]);
  const rolledBack = workspace(acme).transaction(async (tx) => {
    await tx.enqueue({ kind: kind.name, data: { noteId: "rolled back" } });
    throw new Error("The work failed");
  });
  await expect(rolledBack).rejects.toThrow("The work failed");
  await send(acme, kind, "committed");
  await jobs.start([]);
  await one.done;
  expect(handled).toEqual(["committed"]);
});

test("a handler has its job's workspace and no other, whatever the data says", async () => {
  const seen: { workspaceId: string; salts: string[] }[] = [];
  const two = countdown(2);
  const kind = noteKind("bound", {
    async handle({ workspaceId, db }) {
      const rows = await db.workspaceState.findMany({ select: { keySalt: true } });
      seen.push({ workspaceId, salts: rows.map(({ keySalt }) => Buffer.from(keySalt).toString()) });
      two.count();
    },
  });
  const { jobs, workspace } = openJobs(database.appUrl, [kind]);
  for (const id of [acme, other]) await workspace(id).workspaceState.createMany({ data: [{ keySalt: Buffer.alloc(32, id) }] });
  for (const id of [acme, other]) {
    await workspace(id).transaction((tx) => tx.enqueue({ kind: kind.name, data: { noteId: "n", workspaceId: "third" } }));
  }
  await jobs.start([]);
  await two.done;
  expect(seen.sort((a, b) => a.workspaceId.localeCompare(b.workspaceId))).toEqual(
    [acme, other].map((workspaceId) => ({ workspaceId, salts: [Buffer.alloc(32, workspaceId).toString()] })),
  );
});

test("a statement inside of a workspace sees and makes that workspace's jobs alone; control: without the policy it sees all", async () => {
  const kind = noteKind("confined", { async handle() {} });
  const { send } = openJobs(database.appUrl, [kind]);
  await send(acme, kind, "a");
  await send(other, kind, "b");
  const app = new pg.Client(database.appUrl);
  await app.connect();
  const seen = async (table: string) => {
    const { rows } = await app.query<{ id: string }>(
      `SELECT DISTINCT data ->> 'workspaceId' AS id FROM parlant.${table} WHERE name = 'confined' ORDER BY 1`,
    );
    return rows.map(({ id }) => id);
  };
  try {
    await app.query("BEGIN; SELECT parlant.parlant_enter_system('acme', 'test')");
    for (const table of ["job", "job_common"]) expect(await seen(table)).toEqual([acme]);
    const foreign = `INSERT INTO parlant.job (name, data) VALUES ('confined', '{"workspaceId": "other"}')`;
    await expect(app.query(foreign)).rejects.toMatchObject({ code: "42501" });
    await app.query("ROLLBACK");
    await database.owner.query("ALTER TABLE parlant.job DISABLE ROW LEVEL SECURITY");
    await app.query("BEGIN; SELECT parlant.parlant_enter_system('acme', 'test')");
    expect(await seen("job")).toEqual([acme, other]);
  } finally {
    await app.end();
    await database.owner.query("ALTER TABLE parlant.job ENABLE ROW LEVEL SECURITY");
  }
});

test("a job that fails is tried again, later each time, then told of as dead with the reason, once", async () => {
  const attempts: number[] = [];
  const dead: { note: NoteJob; reason: string; workspaceId: string }[] = [];
  const one = countdown(1);
  const kind = noteKind("fails", {
    retries: 1,
    async handle({ attempt }) {
      attempts.push(attempt);
      throw new Error(`It failed in attempt ${attempt}`);
    },
    async onDead({ workspaceId }, note, reason) {
      dead.push({ note, reason, workspaceId });
      one.count();
    },
  });
  const { jobs, send } = openJobs(database.appUrl, [kind]);
  await send(acme, kind, "n");
  await jobs.start([]);
  await one.done;
  expect(attempts).toEqual([1, 2]);
  const note = { workspaceId: acme, noteId: "n" };
  expect(dead).toEqual([{ note, reason: "It failed in attempt 2", workspaceId: acme }]);
  const { rows } = await database.owner.query<{ waited: boolean }>(
    "SELECT start_after > created_on + interval '500 ms' AS waited FROM parlant.job WHERE name = 'fails'",
  );
  expect(rows).toEqual([{ waited: true }]);
});

test("dead jobs of a kind that takes no note of them are kept, counted, and done once they are replayed", async () => {
  let isMended = false;
  const one = countdown(1);
  const kind = noteKind("kept", {
    async handle() {
      if (!isMended) throw new Error("It is broken");
      one.count();
    },
  });
  const { jobs, send } = openJobs(database.appUrl, [kind]);
  await send(acme, kind, "n");
  await jobs.start([]);
  await expect.poll(() => jobs.countDead(kind), { timeout: 10_000 }).toBe(1);
  isMended = true;
  expect(await jobs.replayDead(kind, other)).toBe(0);
  expect(await jobs.replayDead(kind, acme)).toBe(1);
  await one.done;
});

test("an attempt that lasts too long is told to end, and fails", async () => {
  const told = Promise.withResolvers<string>();
  const reasons: string[] = [];
  const one = countdown(1);
  const kind = noteKind("slow", {
    timeoutMs: 50,
    handle: ({ signal }) =>
      new Promise(() => {
        signal.addEventListener("abort", () => told.resolve((signal.reason as Error).message));
      }),
    async onDead(_, __, reason) {
      reasons.push(reason);
      one.count();
    },
  });
  const { jobs, send } = openJobs(database.appUrl, [kind]);
  await send(acme, kind, "n");
  await jobs.start([]);
  expect(await told.promise).toBe("The attempt took longer than 0.05 s");
  await one.done;
  expect(reasons).toEqual(["The attempt took longer than 0.05 s"]);
});

test("jobs of a workspace are handled together, and the one that fails brings none of the others down", async () => {
  const done = new Set<string>();
  const batches: number[] = [];
  const kind = noteKind("together", {
    batchSize: 50,
    async handle(_, notes) {
      batches.push(notes.length);
      if (notes.some(({ noteId }) => noteId === "poison")) throw new Error("It cannot be read");
      for (const { noteId } of notes) done.add(noteId);
    },
  });
  const { jobs, send } = openJobs(database.appUrl, [kind]);
  await send(acme, kind, "a", "poison", "b", "c");
  await jobs.start([]);
  await expect.poll(() => statesOf(kind.name), { timeout: 10_000 }).toEqual({ completed: 3, failed: 1 });
  expect([...done].sort()).toEqual(["a", "b", "c"]);
  expect(batches[0]).toBe(4);
});

test("a job whose data is not its kind's is dead at once", async () => {
  const kind = noteKind("malformed", { retries: 5, handle: () => Promise.reject(new Error("It must not be handled")) });
  const { jobs, workspace } = openJobs(database.appUrl, [kind]);
  await workspace(acme).transaction((tx) => tx.enqueue({ kind: kind.name, data: { note: 1 } }));
  await jobs.start([]);
  await expect.poll(() => jobs.countDead(kind), { timeout: 10_000 }).toBe(1);
});
