import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import { type Binding, runBound } from "../../../server/db/binding.ts";
import type { Database } from "../../../server/db/client.ts";
import { PrismaClient } from "../../../server/db/generated/client.ts";
import type { WorkspaceTransaction } from "../../../server/db/workspace-db.ts";
import { NaivePool } from "../../db/naive-pool.ts";
import { makeUser, makeWorkspace, type TestDatabase } from "../../support/database.ts";

export interface Row {
  workspaceId: string;
}

/** What the races do in one workspace. A promise is Prisma's own: nothing is sent until it is awaited. */
export interface Statements {
  list(): Promise<Row[]>;
  find(): Promise<Row | null>;
  /** Writes into the workspace's only row of its kind, and answers how many rows that were. */
  mark(by: string): Promise<{ count: number }>;
}

/** One workspace as the races know it. */
export interface Racer extends Statements {
  workspaceId: string;
  binding: Binding;
  transaction<Result>(work: (tx: Statements) => Promise<Result>): Promise<Result>;
}

export const AGENTS_EACH = 3;

/** Workspaces of these ids, each with a state and agents. */
export async function seedRaces(database: TestDatabase, workspaceIds: readonly string[]): Promise<void> {
  const { owner } = database;
  const user = await makeUser(owner);
  for (const id of workspaceIds) {
    await makeWorkspace(owner, { id, ownerId: user.id });
    await inWorkspace(owner, id, async () => {
      await owner.query("INSERT INTO parlant.parlant_workspace_state (workspace_id, key_salt) VALUES ($1, $2)", [
        id,
        Buffer.alloc(32),
      ]);
      await owner.query(
        `INSERT INTO parlant.parlant_agent (workspace_id, id, name, name_key, boundary, boundary_key_version, created_at, updated_at)
         SELECT $1, gen_random_uuid(), n, n, '', 1, now(), now() FROM unnest($2::text[]) AS n`,
        [id, Array.from({ length: AGENTS_EACH }, (_, index) => `agent ${index}`)],
      );
    });
  }
}

/** Who last marked each workspace's row. */
export async function readMarks(owner: pg.Client, workspaceIds: readonly string[]): Promise<Record<string, unknown>> {
  const marks: Record<string, unknown> = {};
  for (const id of workspaceIds) {
    await inWorkspace(owner, id, async () => {
      const { rows } = await owner.query<{ by: unknown }>("SELECT settings->'by' AS by FROM parlant.parlant_workspace_state");
      marks[id] = rows.map(({ by }) => by);
    });
  }
  return marks;
}

/** The owner, whom row-level security is forced upon, inside a workspace. */
async function inWorkspace(owner: pg.Client, workspaceId: string, work: () => Promise<void>): Promise<void> {
  await owner.query("BEGIN");
  await owner.query("SELECT parlant.parlant_enter_system($1, 'test')", [workspaceId]);
  await work();
  await owner.query("COMMIT");
}

export function systemBinding(workspaceId: string): Binding {
  const text = "select parlant.parlant_enter_system($1, $2)";
  return { workspaceId, prelude: { name: "system", text, values: [workspaceId, "test"] } };
}

/** As the server does it. Without the extension it is the binding and row-level security alone that keep them apart. */
export function properRacer(database: Database, workspaceId: string, isExtensionOn: boolean): Racer {
  const binding = systemBinding(workspaceId);
  const db = database.openWorkspace(binding, { isExtensionOn });
  // Without the extension the key has to be said.
  const where = isExtensionOn ? {} : ({ workspaceId } as object);
  const statements = (on: Pick<WorkspaceTransaction, "agent" | "workspaceState">): Statements => ({
    list: () => on.agent.findMany({}),
    find: () => on.workspaceState.findUnique({ where }),
    mark: (by) => on.workspaceState.updateMany({ where: {}, data: { settings: { by } } }),
  });
  return { workspaceId, binding, ...statements(db), transaction: (work) => db.transaction((tx) => work(statements(tx))) };
}

/** Prisma bound by the same preludes, but through one client for all workspaces: what properRacer's own handlers avoid. */
export function sharedRacer(prisma: PrismaClient, workspaceId: string): Racer {
  const binding = systemBinding(workspaceId);
  const shared = prisma.$extends({
    query: { $allOperations: ({ args, query }) => runBound(binding, async () => await query(args)) },
  });
  const statements = (on: Pick<PrismaClient, "agent" | "workspaceState">): Statements => ({
    list: () => on.agent.findMany(),
    find: () => on.workspaceState.findUnique({ where: { workspaceId } }),
    mark: (by) => on.workspaceState.updateMany({ data: { settings: { by } } }),
  });
  return {
    workspaceId,
    binding,
    ...statements(shared as unknown as PrismaClient),
    transaction: (work) =>
      runBound(binding, () => shared.$transaction((tx) => work(statements(tx as unknown as PrismaClient)), { maxWait: 30_000 })),
  };
}

/** Racers whose pool looks for the binding below its queue, and whose connections are set up as these settings say. */
export function naiveRacers(
  url: string,
  workspaceIds: readonly string[],
  settings: pg.PoolConfig = {},
): { racers: Racer[]; close(): Promise<void> } {
  const pool = new NaivePool({ connectionString: url, max: 2, ...settings });
  // What becomes of a connection is told by the statement that meets it.
  pool.on("error", () => {});
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { schema: "parlant" }) });
  return {
    racers: workspaceIds.map((id) => sharedRacer(prisma, id)),
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
