import { randomBytes } from "node:crypto";
import pg from "pg";
import { readSimColumns, SIM_COLUMNS } from "./probe-sim.ts";

/** The role as which the server connects. */
export interface AppRole {
  name: string;
  password?: string;
  /** Whether to create it if it is not there. */
  create: boolean;
}

/** Who a connection string logs in as. */
export function credentialsOf(connectionString: string): { user: string; password: string | undefined } {
  const { user, password } = new pg.Client({ connectionString });
  return { user: user ?? "", password: password ?? undefined };
}

/** The role that the server's URL names, to be granted what it needs; undefined where that is the owner itself. */
export function appRoleOf(databaseUrl: string, ownerUrl: string): AppRole | undefined {
  const { user } = credentialsOf(databaseUrl);
  return user === credentialsOf(ownerUrl).user ? undefined : { name: user, create: false };
}

/** What the application role may do with each table of ours: the audit trail only grows. */
export const APP_TABLE_PRIVILEGES: Readonly<Record<string, readonly string[]>> = {
  _prisma_migrations: ["SELECT"],
  // UPDATE is what it takes to lock the rows that are deleted.
  instance: ["SELECT", "UPDATE", "DELETE"],
  job: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  job_common: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  job_dependency: ["SELECT", "DELETE"],
  parlant_agent: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  parlant_agent_counter: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  parlant_agent_grant: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  parlant_audit_checkpoint: ["SELECT", "INSERT"],
  parlant_audit_event: ["SELECT", "INSERT"],
  parlant_authz_decision: ["SELECT", "INSERT", "DELETE"],
  parlant_audit_leaf: ["SELECT", "INSERT"],
  parlant_endpoint_attempt: ["SELECT", "INSERT", "DELETE"],
  parlant_endpoint_delivery: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  parlant_event: ["SELECT", "INSERT", "DELETE"],
  parlant_guideline: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  parlant_idempotency_key: ["SELECT", "INSERT", "DELETE"],
  parlant_session: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  parlant_session_activity: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  // A policy lets it delete those alone that have expired.
  parlant_used_token: ["SELECT", "INSERT", "DELETE"],
  parlant_webhook_endpoint: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  parlant_webhook_delivery: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  parlant_workspace_state: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  queue: ["SELECT", "INSERT", "UPDATE"],
  version: ["SELECT", "UPDATE"],
};

/**
 * Tables of which a trigger lets the role delete in a purge alone, of a workspace that Sim shows as archived or gone: their
 * rows go otherwise by a mark of deletion, or with what they belong to.
 */
export const DELETED_IN_PURGE_ALONE: readonly string[] = [
  "parlant_agent",
  "parlant_agent_counter",
  "parlant_authz_decision",
  "parlant_event",
  "parlant_workspace_state",
];

/** The functions it may execute: those that enter a workspace, and what the job queue calls. */
export const APP_FUNCTIONS = [
  "parlant.parlant_enter(text,text,text)",
  "parlant.parlant_enter_system(text,text)",
  "parlant.parlant_inbox_facts(text)",
  "parlant.parlant_sync_facts(text,text)",
  "parlant.job_now()",
  "parlant.create_queue(text,jsonb)",
] as const;

/** Tables of Sim's that the server never reads, so that a grant on them is taken back like any other that is not listed. */
const SIM_TABLES_NEVER_READ = ["account"];

/**
 * Makes the role if it is not there; it can log in and nothing else. Returns the password it was given, which is the
 * only time that it is known, or null where the role was there already: then a given password is set.
 */
export async function ensureRole(owner: pg.Client, role: AppRole): Promise<string | null> {
  const name = pg.escapeIdentifier(role.name);
  const { rows } = await owner.query("SELECT FROM pg_roles WHERE rolname = $1", [role.name]);
  if (rows.length > 0) {
    if (role.create && role.password) await owner.query(`ALTER ROLE ${name} PASSWORD ${pg.escapeLiteral(role.password)}`);
    return null;
  }
  if (!role.create) {
    throw new Error(`The role "${role.name}" does not exist; create it, or let --create-role do so`);
  }
  const password = role.password ?? randomBytes(24).toString("base64url");
  await owner.query(
    `CREATE ROLE ${name} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD ${pg.escapeLiteral(password)}`,
  );
  return password;
}

/**
 * Afterwards the role's own privileges on our schema and on the tables of Sim's that we know are exactly those listed
 * here: what is missing is granted, anything else is revoked.
 * @throws if the role is one that owns tables or writes to Sim's, so that it must be serving Sim: it is left as it is.
 */
export async function grantToApplication(owner: pg.Client, roleName: string): Promise<void> {
  await assertDedicated(owner, roleName);
  const held = (await readPrivileges(owner, roleName)).map((privilege) => toSql(privilege));
  const listed = (await listPrivileges(owner)).map((privilege) => toSql(privilege));
  const role = pg.escapeIdentifier(roleName);
  const statements = [
    ...held.filter((privilege) => !listed.includes(privilege)).map((privilege) => `REVOKE ${privilege} FROM ${role}`),
    ...listed.filter((privilege) => !held.includes(privilege)).map((privilege) => `GRANT ${privilege} TO ${role}`),
  ];
  if (statements.length > 0) await owner.query(statements.join(";\n"));
}

interface Privilege {
  kind: "SCHEMA" | "TABLE" | "FUNCTION";
  /** As SQL names it. */
  object: string;
  column: string | null;
  privilege: string;
}

function toSql({ kind, object, column, privilege }: Privilege): string {
  return `${privilege}${column === null ? "" : ` (${pg.escapeIdentifier(column)})`} ON ${kind} ${object}`;
}

async function listPrivileges(owner: pg.Client): Promise<Privilege[]> {
  const simColumns = await readSimColumns({ query: async (statement) => (await owner.query(statement)).rows });
  const of = (kind: Privilege["kind"], object: string, privilege: string, column: string | null = null): Privilege => ({
    kind,
    object,
    column,
    privilege,
  });
  const table = (schema: string, name: string) => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
  return [
    ...["parlant", "public"].map((schema) => of("SCHEMA", pg.escapeIdentifier(schema), "USAGE")),
    ...APP_FUNCTIONS.map((signature) => of("FUNCTION", signature, "EXECUTE")),
    ...Object.entries(APP_TABLE_PRIVILEGES).flatMap(([name, privileges]) =>
      privileges.map((privilege) => of("TABLE", table("parlant", name), privilege)),
    ),
    ...[...simColumns].flatMap(([name, columns]) =>
      columns.map((column) => of("TABLE", table("public", name), "SELECT", column)),
    ),
  ];
}

/** The privileges given to the role itself on our schema and on the tables of Sim's that we know. */
async function readPrivileges(owner: pg.Client, roleName: string): Promise<Privilege[]> {
  const { rows } = await owner.query<Privilege>(
    `WITH grantee AS (SELECT oid FROM pg_roles WHERE rolname = $1),
      relation AS (
        SELECT c.oid, c.relacl, format('"%s"."%s"', nspname, relname) AS object
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
          AND (nspname = 'parlant' OR nspname = 'public' AND relname = ANY ($2::text[])))
    SELECT 'TABLE' AS kind, object, NULL AS "column", privilege_type AS privilege
      FROM relation, aclexplode(relacl), grantee WHERE grantee = grantee.oid
    UNION ALL
    SELECT 'TABLE', object, attname::text, privilege_type
      FROM relation JOIN pg_attribute ON attrelid = relation.oid AND NOT attisdropped, aclexplode(attacl), grantee
      WHERE grantee = grantee.oid
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text, NULL, privilege_type
      FROM pg_proc p, aclexplode(proacl), grantee WHERE grantee = grantee.oid AND pronamespace = to_regnamespace('parlant')
    UNION ALL
    SELECT 'SCHEMA', format('"%s"', nspname), NULL, privilege_type
      FROM pg_namespace, aclexplode(nspacl), grantee
      WHERE grantee = grantee.oid AND (nspname = 'parlant' OR nspname = 'public' AND privilege_type = 'USAGE')`,
    [roleName, [...Object.keys(SIM_COLUMNS), ...SIM_TABLES_NEVER_READ]],
  );
  return rows;
}

async function assertDedicated(owner: pg.Client, roleName: string): Promise<void> {
  const { rows } = await owner.query<{ relation: string }>(
    `SELECT DISTINCT c.oid::regclass::text AS relation
    FROM pg_class c LEFT JOIN LATERAL aclexplode(relacl) ON true, pg_roles r
    WHERE rolname = $1 AND relkind IN ('r', 'p') AND relnamespace IN (to_regnamespace('public'), to_regnamespace('parlant'))
      AND (relowner = r.oid OR relnamespace = to_regnamespace('public') AND grantee = r.oid
        AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))
    ORDER BY 1`,
    [roleName],
  );
  if (rows.length === 0) return;
  const some = rows.slice(0, 3).map(({ relation }) => relation);
  throw new Error(
    `The role "${roleName}" owns or writes ${rows.length} tables (${some.join(", ")}${rows.length > 3 ? ", ..." : ""}); ` +
      "the server needs a role of its own that only reads Sim's: make one with --create-role",
  );
}
