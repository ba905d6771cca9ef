import pg from "pg";
import { NOT_TENANT_TABLES_SQL } from "../../../server/db/queue-tables.ts";
import { DELETED_IN_PURGE_ALONE } from "../../../server/db/roles.ts";
import { auditCatalogue, LISTED_PRIVILEGES, readEffectivePrivileges } from "../../db/catalogue-rules.ts";
import { insertRow, type TenantTable } from "./seed-rows.ts";

/** The database as it is before any mutant: what statements are to be tried on. */
export interface Probed {
  /** In an open transaction, which the caller rolls back. */
  superuser: pg.Client;
  appRole: string;
  ownerRole: string;
  tables: readonly TenantTable[];
  partitions: readonly string[];
  foreignKeys: readonly ForeignKey[];
}

interface ForeignKey {
  name: string;
  table: string;
  /** Whether it names more than the workspace. */
  isComposite: boolean;
  /** The table's other foreign keys. */
  others: readonly string[];
}

/** Workspaces of the probes: two with rows of the same keys, one without rows, and one that does not exist. */
export const MINE = "mine";
export const OTHERS = "others";
export const EMPTY = "empty";
const NONE = "none";

const DENIED = "42501";
const NO_SUCH_PARENT = "23503";
const ONLY_IN_PURGE = "PA003";
const STILL_LIVE = "PA001";

export async function readForeignKeys(superuser: pg.Client): Promise<ForeignKey[]> {
  const { rows } = await superuser.query<ForeignKey>(
    `SELECT quote_ident(conname) AS name, conrelid::regclass::text AS table, cardinality(conkey) > 1 AS "isComposite",
       ARRAY(SELECT quote_ident(o.conname) FROM pg_constraint o WHERE o.conrelid = k.conrelid AND o.contype = 'f' AND o.oid <> k.oid) AS others
     FROM pg_constraint k WHERE connamespace = 'parlant'::regnamespace AND contype = 'f' AND conparentid = 0
       AND conrelid NOT IN (SELECT oid FROM pg_class WHERE relname = ANY (${NOT_TENANT_TABLES_SQL})) ORDER BY 2, 1`,
  );
  return rows;
}

export async function readPartitions(superuser: pg.Client): Promise<string[]> {
  const { rows } = await superuser.query<{ partition: string }>(
    `SELECT oid::regclass::text AS partition FROM pg_class
     WHERE relnamespace = 'parlant'::regnamespace AND relkind IN ('r', 'p') AND relispartition
       AND relname <> ALL (${NOT_TENANT_TABLES_SQL}) ORDER BY 1`,
  );
  return rows.map(({ partition }) => partition);
}

/** What the audit of the catalogue has against the database. */
export async function auditProbe({ superuser, appRole }: Probed): Promise<string[]> {
  const held = await readEffectivePrivileges(superuser, appRole);
  return [
    ...(await auditCatalogue(superuser, appRole)),
    ...held.filter((one) => !LISTED_PRIVILEGES.includes(one)).map((one) => `too much: ${one}`),
    ...LISTED_PRIVILEGES.filter((one) => !held.includes(one)).map((one) => `too little: ${one}`),
  ];
}

/** What statements come upon that ought not to be: rows seen, written and referred to over the bounds of a workspace. */
export async function statementProbe(probed: Probed): Promise<string[]> {
  return [
    ...(await probeKeys(probed)),
    ...(await probeReferences(probed)),
    ...(await probeOwner(probed)),
    ...(await probeRole(probed)),
    ...(await probeGuard(probed)),
  ];
}

/** Two workspaces have the same keys, and one of them more. */
async function probeKeys({ superuser, tables }: Probed): Promise<string[]> {
  const found: string[] = [];
  await superuser.query("SET LOCAL session_replication_role = replica");
  for (const table of tables) {
    const inserts = [insertRow(table, MINE, 1), insertRow(table, OTHERS, 1)];
    if (table.hasMany) inserts.push(insertRow(table, OTHERS, 2));
    for (const insert of inserts) {
      const { code } = await attempt(superuser, insert);
      if (code) found.push(`${table.table}: a key of one workspace stands in the way of another's (${code})`);
    }
  }
  await superuser.query("SET LOCAL session_replication_role = origin");
  return found;
}

/** A row cannot refer to what another workspace has, nor belong to a workspace that does not exist. */
async function probeReferences({ superuser, tables, foreignKeys }: Probed): Promise<string[]> {
  const found: string[] = [];
  for (const { name, table, isComposite, others } of foreignKeys) {
    const row = tables.find((one) => one.table === table);
    if (!row) throw new Error(`${name} belongs to no table of ours`);
    // The others would refuse the row as well.
    const alone = others.map((other) => `ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${other}`);
    const insert = isComposite ? insertRow(row, MINE, 2) : insertRow(row, NONE, 1);
    const { code } = await attempt(superuser, [...alone, insert].join("; "), { isUndone: true });
    if (code !== NO_SUCH_PARENT)
      found.push(`${name}: lets a row refer to what its workspace does not have (${code ?? "accepted"})`);
  }
  return found;
}

/** Even the owner sees nothing outside a workspace, of a partition nothing at all. */
async function probeOwner({ superuser, ownerRole, tables, partitions }: Probed): Promise<string[]> {
  const all = [...tables.map(({ table }) => table), ...partitions];
  const reads = all.map((table) => `SELECT DISTINCT ${pg.escapeLiteral(table)} AS name FROM ${table}`);
  const { rows } = await attempt<{ name: string }>(superuser, reads.join(" UNION ALL "), { role: ownerRole, isUndone: true });
  return rows.map(({ name }) => `${name}: its owner sees rows without being in a workspace`);
}

const ARCHIVED = `UPDATE public.workspace SET archived_at = now() WHERE id = ${pg.escapeLiteral(MINE)};`;
const PURGING = "SET LOCAL app.purpose = 'workspace.purge';";

/** The application role sees and writes what is the workspace's that it is in, and nothing outside any. */
async function probeRole({ superuser, appRole, tables }: Probed): Promise<string[]> {
  const found: string[] = [];
  const inMine = { role: appRole, workspaceId: MINE, isUndone: true };
  for (const row of tables) {
    const { table } = row;
    const may = (privilege: string) => LISTED_PRIVILEGES.includes(`${table} ${privilege}`);
    const expectDenied = async (privilege: string, statement: string) => {
      if (!may(privilege)) return;
      const { code } = await attempt(superuser, statement, inMine);
      if (code !== DENIED) found.push(`${table}: ${privilege} reaches another workspace (${code ?? "accepted"})`);
    };
    if (may("SELECT")) {
      const within = await attempt(superuser, seen(table), inMine);
      const workspaceIds = within.rows.map(({ workspace_id }) => workspace_id);
      if (workspaceIds.join() !== MINE) found.push(`${table}: in one workspace, rows of [${workspaceIds}] are seen`);
      const outside = await attempt(superuser, seen(table), { role: appRole, isUndone: true });
      if (outside.rows.length > 0) found.push(`${table}: rows are seen outside any workspace`);
    }
    await expectDenied("INSERT", insertRow(row, EMPTY, 1));
    await expectDenied("UPDATE", `UPDATE ${table} SET workspace_id = ${pg.escapeLiteral(EMPTY)}`);
    if (may("DELETE")) {
      const statement = `DELETE FROM ${table} RETURNING workspace_id`;
      const isPurged = DELETED_IN_PURGE_ALONE.some((name) => table === `parlant.${name}`);
      if (isPurged) {
        const [elsewhere, live] = [
          await attempt(superuser, statement, { ...inMine, before: ARCHIVED }),
          await attempt(superuser, statement, { ...inMine, before: PURGING }),
        ];
        if (elsewhere.code !== ONLY_IN_PURGE)
          found.push(`${table}: rows are deleted outside a purge (${elsewhere.code ?? "accepted"})`);
        if (live.code !== STILL_LIVE) found.push(`${table}: rows of a live workspace are purged (${live.code ?? "accepted"})`);
      }
      const deleted = await attempt(superuser, statement, { ...inMine, ...(isPurged && { before: `${ARCHIVED} ${PURGING}` }) });
      const reached = deleted.rows.map(({ workspace_id }) => workspace_id);
      if (reached.join() !== MINE) found.push(`${table}: in one workspace, rows of [${reached}] are deleted`);
    }
  }
  return found;
}

/** The functions that enter a workspace let in who they should, and nobody else. */
async function probeGuard({ superuser, appRole }: Probed): Promise<string[]> {
  const calls: [call: string, code: string | undefined][] = [
    [`parlant.parlant_enter('${MINE}', 'admin', 'admin')`, undefined],
    [`parlant.parlant_enter('${MINE}', 'read', 'admin')`, "PA001"],
    [`parlant.parlant_enter('${MINE}', NULL, 'admin')`, "PA001"],
    [`parlant.parlant_enter('${MINE}', NULL, NULL)`, "PA001"],
    ["parlant.parlant_enter('', 'admin', 'admin')", "PA001"],
    [`parlant.parlant_enter_system('${MINE}', 'a purpose')`, undefined],
    [`parlant.parlant_enter_system('${MINE}', '')`, "PA002"],
    ["parlant.parlant_enter_system(NULL, 'a purpose')", "PA002"],
  ];
  const found: string[] = [];
  for (const [call, expected] of calls) {
    const { code } = await attempt(superuser, `SELECT ${call}`, { role: appRole, isUndone: true });
    if (code !== expected) found.push(`${call}: ${code ?? "accepted"} instead of ${expected ?? "accepted"}`);
  }
  return found;
}

function seen(table: string): string {
  return `SELECT DISTINCT workspace_id FROM ${table}`;
}

interface Attempt {
  /** What the superuser does first. */
  before?: string;
  role?: string;
  workspaceId?: string;
  isUndone?: boolean;
}

/** The rows of a statement's last part, or the SQLSTATE with which it failed; a failure leaves the transaction as it was. */
async function attempt<Row extends pg.QueryResultRow = { workspace_id: string }>(
  client: pg.Client,
  statement: string,
  { role, workspaceId, before = "", isUndone = false }: Attempt = {},
): Promise<{ rows: Row[]; code: string | undefined }> {
  const setting = workspaceId === undefined ? "" : `SET LOCAL app.workspace_id = ${pg.escapeLiteral(workspaceId)};`;
  const as = role === undefined ? "" : `SET LOCAL ROLE ${pg.escapeIdentifier(role)};`;
  await client.query(`SAVEPOINT attempt; ${before} ${setting} ${as}`);
  try {
    const results: unknown = await client.query(statement);
    const last = (Array.isArray(results) ? results.at(-1) : results) as pg.QueryResult<Row>;
    await client.query(isUndone ? "ROLLBACK TO attempt" : "RELEASE attempt");
    return { rows: last.rows, code: undefined };
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    await client.query("ROLLBACK TO attempt");
    return { rows: [], code: error.code };
  }
}
