import type pg from "pg";
import { type Binding, runBound } from "../../../server/db/binding.ts";
import { type Database, openDatabase } from "../../../server/db/client.ts";
import type { scopeArguments } from "../../../server/db/scope-arguments.ts";
import { systemBinding } from "../../../server/db/system-binding.ts";
import type { WorkspaceDb } from "../../../server/db/workspace-db.ts";
import { connectInUtc, createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../../support/database.ts";
import type { Call } from "./calls.ts";
import { fill, Snapshot } from "./rows.ts";
import { readSchema, scopedModels } from "./schema.ts";
import { ME, OTHERS, WORKSPACES } from "./values.ts";

/** What stands between a call and the other workspaces, beside the keys, which are always there. */
export interface Layers {
  /** The scope, a broken one, or none. */
  scope: typeof scopeArguments | "off";
  /** "granted": in force for a role that may do everything that a policy lets through; "production": for the server's own. */
  rowLevelSecurity: "off" | "granted" | "production";
}

/** Makes calls as one workspace. */
export interface Caller {
  call(call: Call): Promise<unknown>;
  transaction<Result>(work: (tx: Pick<Caller, "call">) => Promise<Result>): Promise<Result>;
}

/** A database of the experiment: with the other workspaces in it, or with ours alone. Sim's tables are the same in both. */
export interface World extends Caller {
  /** Makes the same call as another workspace, where there is one. */
  asNeighbour: ((call: Call) => Promise<unknown>) | null;
  db: WorkspaceDb;
  superuser: pg.Client;
  snapshot: Snapshot;
  close(): Promise<void>;
}

export async function makeWorld(whose: "all" | "mine", layers: Layers): Promise<World> {
  const database = await createTestDatabase();
  const user = await makeUser(database.owner, { id: "owner" });
  for (const id of WORKSPACES) await makeWorkspace(database.owner, { id, ownerId: user.id });
  const schema = readSchema();
  const superuser = await connectInUtc(database.superuserUrl);
  // Of Sim's rows nothing is left to the clock, so that they are the same in both databases.
  await superuser.query("update workspace set created_at = '2026-01-01', updated_at = '2026-01-01'");
  await fill(superuser, schema, whose === "all" ? WORKSPACES : [ME]);
  const snapshot = new Snapshot(superuser, schema);
  await snapshot.take();
  if (layers.rowLevelSecurity === "granted") {
    const tables = scopedModels(schema).map(({ table }) => table);
    await superuser.query(`grant select, insert, update, delete on ${tables.join(", ")} to ${new URL(database.appUrl).username}`);
  }
  const client = connect(database, layers);
  const db = open(client, ME, layers);
  const neighbour = open(client, OTHERS[0] ?? "", layers);
  return {
    ...(layers.scope === "off" ? rawCaller(client, db, layers) : scopedCaller(db)),
    asNeighbour: whose === "all" ? (call) => delegate(neighbour, call) : null,
    db,
    superuser,
    snapshot,
    async close() {
      await client.close();
      await superuser.end();
      await database.drop();
    },
  };
}

/** The database with all workspaces and the one with ours alone, for as long as the work takes. */
export async function withWorlds<Result>(layers: Layers, work: (full: World, alone: World) => Promise<Result>): Promise<Result> {
  const [full, alone] = await Promise.all([makeWorld("all", layers), makeWorld("mine", layers)]);
  try {
    return await work(full, alone);
  } finally {
    await Promise.all([full.close(), alone.close()]);
  }
}

/** A superuser passes row-level security: so it is switched off without a change to the schema. */
function connect({ appUrl, superuserUrl }: TestDatabase, { rowLevelSecurity }: Layers): Database {
  const url = rowLevelSecurity === "off" ? superuserUrl : appUrl;
  return openDatabase({ url, poolSize: 2, maxOverflow: 0, poolTimeoutSeconds: 10, onError() {} });
}

function open(client: Database, workspaceId: string, layers: Layers): WorkspaceDb {
  const scope = layers.scope === "off" ? { isExtensionOn: false } : { scope: layers.scope };
  return client.openWorkspace(binding(workspaceId, layers), scope);
}

function binding(workspaceId: string, { rowLevelSecurity }: Layers): Binding {
  if (rowLevelSecurity !== "off") return systemBinding(workspaceId, "test");
  return { workspaceId, prelude: { name: "nothing", text: "select 1", values: [] } };
}

async function delegate(client: object, { model, action, args }: Call): Promise<unknown> {
  const models = client as Record<string, Record<string, (args: unknown) => Promise<unknown>>>;
  const call = models[model]?.[action];
  if (!call) throw new Error(`The client has no ${model}.${action}`);
  return await call(args);
}

function scopedCaller(db: WorkspaceDb): Caller {
  return {
    call: (call) => delegate(db, call),
    transaction: (work) => db.transaction((tx) => work({ call: (call) => delegate(tx, call) })),
  };
}

/** Prisma as it is, Sim's models too, with nothing but the binding. */
function rawCaller({ unscopedPrisma }: Database, db: WorkspaceDb, layers: Layers): Caller {
  const bound = binding(ME, layers);
  return {
    call: (call) => (call.model in db ? delegate(db, call) : runBound(bound, async () => await delegate(unscopedPrisma, call))),
    transaction: (work) =>
      runBound(bound, () =>
        unscopedPrisma.$transaction((tx) => work({ call: (call) => delegate(tx, call) }), { timeout: 15_000 }),
      ),
  };
}
