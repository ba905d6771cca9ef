import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Binding, runBound } from "../../server/db/binding.ts";
import { openDatabase } from "../../server/db/client.ts";
import { PrismaClient } from "../../server/db/generated/client.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";
import { createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../support/database.ts";
import { NaivePool } from "./naive-pool.ts";

let database: TestDatabase;
let client: ReturnType<typeof openDatabase>;
const workspaceIds = ["a", "b", "c"];

beforeAll(async () => {
  database = await createTestDatabase();
  const user = await makeUser(database.owner);
  client = openDatabase({ url: database.appUrl, poolSize: 1, maxOverflow: 1, poolTimeoutSeconds: 30, onError() {} });
  for (const id of workspaceIds) {
    await makeWorkspace(database.owner, { id, ownerId: user.id });
    await workspace(id, true).workspaceState.createMany({ data: [{ keySalt: Buffer.alloc(32, id) }] });
  }
});

afterAll(async () => {
  await client?.close();
  await database?.drop();
});

function systemBinding(workspaceId: string): Binding {
  return {
    workspaceId,
    prelude: { name: "system", text: "select parlant.parlant_enter_system($1, $2)", values: [workspaceId, "test"] },
  };
}

/** Without the extension, so that the binding and row-level security are what is tested. */
function workspace(id: string, isExtensionOn = false): WorkspaceDb {
  return client.openWorkspace(systemBinding(id), { isExtensionOn });
}

const tick = (turns: number) =>
  new Promise<void>((resolve) => (turns === 0 ? resolve() : setImmediate(() => resolve(tick(turns - 1)))));

test("thousands of reads through two connections, staggered over ticks, each see their own workspace alone", async () => {
  const databases = workspaceIds.map((id) => workspace(id));
  expect(await countForeignReads((index) => databases[index]?.workspaceState.findMany({}))).toBe(0);
});

test("control: the same reads through a pool that looks for the binding below its queue see other workspaces' rows", async () => {
  const pool = new NaivePool({ connectionString: database.appUrl, max: 2 });
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { schema: "parlant" }) });
  try {
    const read = (index: number) =>
      runBound(systemBinding(workspaceIds[index] ?? ""), async () => await prisma.workspaceState.findMany());
    expect(await countForeignReads(read)).toBeGreaterThan(0);
  } finally {
    await prisma.$disconnect();
    await pool.end();
  }
});

/** How many of 3,000 reads, made at once by three workspaces in turn, did not see exactly their own row. */
async function countForeignReads(read: (index: number) => Promise<{ workspaceId: string }[]> | undefined): Promise<number> {
  const reads = Array.from({ length: 3_000 }, async (_, turn) => {
    await tick(turn % 7);
    const own = turn % workspaceIds.length;
    const rows = await read(own);
    return rows?.length === 1 && rows[0]?.workspaceId === workspaceIds[own];
  });
  return (await Promise.all(reads)).filter((isOwn) => !isOwn).length;
}

test("statements of one transaction at once, beside other workspaces' transactions, see their own workspace alone", async () => {
  const seen = await Promise.all(
    Array.from({ length: 60 }, (_, index) => {
      const id = workspaceIds[index % workspaceIds.length] ?? "";
      return workspace(id).transaction(async (tx) => {
        const results = await Promise.all([0, 1, 2].map((turn) => tick(turn).then(() => tx.workspaceState.findMany({}))));
        return results.flat().every((row) => row.workspaceId === id) && results.every((rows) => rows.length === 1);
      });
    }),
  );
  expect(seen).toEqual(Array(60).fill(true));
});

test("findUniques of one tick, which Prisma joins, are each answered in their own workspace", async () => {
  const found = await Promise.all(workspaceIds.map((id) => workspace(id, true).workspaceState.findUnique({ where: {} })));
  expect(found.map((row) => row?.workspaceId)).toEqual(workspaceIds);
});

test("control: through one request handler they are joined, and answered in one of their workspaces", async () => {
  const found = await Promise.all(
    workspaceIds.map((workspaceId) => {
      const shared = client.unscopedPrisma.$extends({
        query: { $allOperations: ({ args, query }) => runBound(systemBinding(workspaceId), async () => await query(args)) },
      });
      return shared.workspaceState.findUnique({ where: { workspaceId } });
    }),
  );
  expect(found.filter((row) => row !== null)).toHaveLength(1);
});

test("a query made in one workspace and awaited in another's context stays in its own", async () => {
  const made = { query: workspace("a").workspaceState.findMany({}) };
  const rows = await runBound(systemBinding("b"), async () => await made.query);
  expect(rows.map(({ workspaceId }) => workspaceId)).toEqual(["a"]);
});

test("a statement outside any workspace is refused before it reaches the database", async () => {
  await expect(client.unscopedPrisma.workspaceState.findMany()).rejects.toThrow(/outside any workspace/);
  await expect(client.unscopedPrisma.$transaction(async (tx) => tx.agent.count())).rejects.toThrow(/outside any workspace/);
});

test("nothing of a workspace stays on a connection: our tables show no row to a statement without the prelude", async () => {
  await Promise.all(workspaceIds.map((id) => workspace(id).workspaceState.findMany({})));
  const rows = await client.sim.query({ name: "bare", text: "select * from parlant.parlant_workspace_state", values: [] });
  expect(rows).toEqual([]);
});

test("an error of a statement leaves the connection in order, and a rolled-back transaction leaves nothing", async () => {
  for (let round = 0; round < 4; round++) {
    const duplicate = workspace("a", true).workspaceState.createMany({ data: [{ keySalt: Buffer.alloc(32) }] });
    await expect(duplicate).rejects.toMatchObject({ code: "P2002" });
    await expect(
      workspace("b").transaction(async (tx) => {
        await tx.workspaceState.updateMany({ where: {}, data: { settings: { lost: true } } });
        throw new Error("changed my mind");
      }),
    ).rejects.toThrow("changed my mind");
  }
  expect(await workspace("b").workspaceState.findMany({ select: { settings: true } })).toEqual([{ settings: {} }]);
});

test("with row-level security alone, a write into another workspace is refused by PostgreSQL", async () => {
  const into = (workspaceId: string) =>
    workspace("a").workspaceState.createMany({
      data: [{ keySalt: Buffer.alloc(32), workspaceId } as { keySalt: Buffer<ArrayBuffer> }],
    });
  await expect(into("b")).rejects.toThrow(/row-level security/);
});

test("the extension alone, without row-level security, sees its own workspace", async () => {
  const owner = openDatabase({ url: database.superuserUrl, poolSize: 1, maxOverflow: 0, poolTimeoutSeconds: 30, onError() {} });
  try {
    const scoped = (isExtensionOn: boolean) => owner.openWorkspace(systemBinding("a"), { isExtensionOn });
    expect((await scoped(true).workspaceState.findMany({})).map(({ workspaceId }) => workspaceId)).toEqual(["a"]);
    // The control: a superuser passes row-level security, so only the extension stood in the way.
    expect(await scoped(false).workspaceState.findMany({})).toHaveLength(workspaceIds.length);
  } finally {
    await owner.close();
  }
});
