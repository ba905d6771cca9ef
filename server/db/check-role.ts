import type { Finding } from "./finding.ts";
import { SIM_COLUMNS } from "./probe-sim.ts";
import { APP_FUNCTIONS, APP_TABLE_PRIVILEGES } from "./roles.ts";
import type { SimReader } from "./sim-reader.ts";

interface RoleFacts {
  /** Quoted where SQL needs it. */
  role: string;
  isSuperuser: boolean;
  canBypass: boolean;
  canCreateRoles: boolean;
  /** Tables of ours, or the schema, that the role owns. */
  owned: string[];
  /** Roles that it belongs to, and so could become, which may do what it must not. */
  mighty: string[];
  /** Privileges on tables of ours that row-level security does not bound. */
  unbounded: string[];
  /** Privileges that the server needs and the role lacks. */
  lacking: string[];
  /** Privileges on Sim's tables that the server has no use for. */
  needless: string[];
}

const OWN_ROLE =
  "CREATE ROLE parlant_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD '<a new one>';\n" +
  "then name that role in DATABASE_URL, the present one in MIGRATION_DATABASE_URL, and run: npm run db:migrate";

/** Says whether row-level security binds the role that reads, by every way that PostgreSQL has around it. */
export async function checkRole(reader: SimReader): Promise<Finding[]> {
  const [facts] = await reader.query<RoleFacts>({ name: "check_role", text: ROLE_FACTS, values: roleFactsValues() });
  if (!facts) throw new Error("PostgreSQL has no row for the role of this session");
  const findings = judge(facts);
  if (findings.some(({ level }) => level === "unfit")) return findings;
  return [{ level: "ok", subject: "role", message: `The role ${facts.role} is bound by row-level security` }, ...findings];
}

function judge(facts: RoleFacts): Finding[] {
  const { role } = facts;
  const unfit = (message: string, remedy: string): Finding => ({
    level: "unfit",
    subject: "role",
    message: `The role ${role} ${message}`,
    remedy,
  });
  // A role that is another's altogether is not to be mended but to be left alone.
  if (facts.isSuperuser) return [unfit("is a superuser: row-level security does not bind it", OWN_ROLE)];
  if (facts.owned.length > 0) return [unfit(`owns ${some(facts.owned)}: it can switch row-level security off`, OWN_ROLE)];
  const findings: Finding[] = [];
  if (facts.canBypass)
    findings.push(unfit("has BYPASSRLS: row-level security does not bind it", `ALTER ROLE ${role} NOBYPASSRLS;`));
  if (facts.canCreateRoles) findings.push(unfit("has CREATEROLE: it can give itself roles", `ALTER ROLE ${role} NOCREATEROLE;`));
  if (facts.mighty.length > 0) {
    const remedy = facts.mighty.map((other) => `REVOKE ${other} FROM ${role};`).join(" ");
    findings.push(unfit(`can become ${some(facts.mighty)}, which row-level security does not bind`, remedy));
  }
  if (facts.unbounded.length > 0) {
    const remedy = facts.unbounded.map((privilege) => `REVOKE ${privilege} FROM ${role};`).join(" ");
    findings.push(unfit(`has ${some(facts.unbounded)}: row-level security does not bound that`, remedy));
  }
  if (facts.lacking.length > 0) findings.push(unfit(`lacks ${some(facts.lacking)}`, "npm run db:migrate"));
  if (facts.needless.length > 0) {
    const message = `may do more with Sim's tables than the server ever does: ${some(facts.needless)}`;
    findings.push({ ...unfit(message, OWN_ROLE), level: "degraded" });
  }
  return findings;
}

function some(names: string[]): string {
  return names.length <= 4 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

function roleFactsValues(): unknown[] {
  const ofOurs = Object.entries(APP_TABLE_PRIVILEGES).flatMap(([table, privileges]) =>
    privileges.map((privilege) => ({ table, privilege })),
  );
  const ofSims = Object.entries(SIM_COLUMNS).flatMap(([table, { always, since }]) =>
    [...always, ...since].map((column) => ({ table, column })),
  );
  return [
    ofOurs.map(({ table }) => table),
    ofOurs.map(({ privilege }) => privilege),
    ofSims.map(({ table }) => table),
    ofSims.map(({ column }) => column),
    APP_FUNCTIONS,
  ];
}

/**
 * The role of the session, not the one it may have been SET to: RESET ROLE is always open to it. Everything is looked
 * up by name in the catalogue, because to_regclass fails for a role that may not use the schema.
 */
const ROLE_FACTS = `
  WITH me AS (SELECT oid, rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = session_user),
  ours AS (
    SELECT c.oid, relname, relowner AS owner, format('parlant.%I', relname) AS name FROM pg_class c
    WHERE relnamespace = to_regnamespace('parlant') AND relkind IN ('r', 'p')),
  owned AS (
    SELECT owner, name FROM ours
    UNION ALL
    SELECT nspowner, 'SCHEMA parlant' FROM pg_namespace WHERE nspname = 'parlant'),
  sim AS (
    SELECT c.oid, relname, format('public.%I', relname) AS name FROM pg_class c
    WHERE relnamespace = to_regnamespace('public') AND (relname = ANY ($3) OR relname = 'account')),
  mighty AS (
    SELECT r.oid, quote_ident(rolname) AS name FROM pg_roles r
    WHERE rolsuper OR rolbypassrls OR rolcreaterole OR r.oid IN (SELECT owner FROM owned)
      OR rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))
  SELECT quote_ident(me.rolname) AS "role", rolsuper AS "isSuperuser", rolbypassrls AS "canBypass",
    rolcreaterole AS "canCreateRoles",
    ARRAY(SELECT name FROM owned WHERE owner = me.oid ORDER BY 1) AS owned,
    ARRAY(SELECT name FROM mighty WHERE oid <> me.oid AND pg_has_role(me.oid, oid, 'MEMBER') ORDER BY 1) AS mighty,
    ARRAY(SELECT privilege || ' ON ' || name FROM ours, unnest('{TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS privilege
      WHERE owner <> me.oid AND has_table_privilege(me.oid, ours.oid, privilege) ORDER BY 1) AS unbounded,
    ARRAY(
      SELECT 'USAGE ON SCHEMA parlant' FROM pg_namespace
        WHERE nspname = 'parlant' AND NOT has_schema_privilege(me.oid, oid, 'USAGE')
      UNION ALL
      SELECT privilege || ' ON ' || name FROM unnest($1::text[], $2::text[]) AS needed (relname, privilege) JOIN ours USING (relname)
        WHERE NOT has_table_privilege(me.oid, ours.oid, privilege)
      UNION ALL
      SELECT 'EXECUTE ON FUNCTION ' || signature
        FROM (SELECT oid, format('%s.%s(%s)', pronamespace::regnamespace, proname, replace(oidvectortypes(proargtypes), ', ', ','))
          AS signature FROM pg_proc WHERE pronamespace = to_regnamespace('parlant')) AS function
        WHERE signature = ANY ($5::text[]) AND NOT has_function_privilege(me.oid, oid, 'EXECUTE')
      UNION ALL
      SELECT format('SELECT (%I) ON %s', needed.attname, name) FROM unnest($3::text[], $4::text[]) AS needed (relname, attname)
        JOIN sim USING (relname) JOIN pg_attribute a ON attrelid = sim.oid AND a.attname = needed.attname AND NOT attisdropped
        WHERE NOT has_column_privilege(me.oid, sim.oid, attnum, 'SELECT')) AS lacking,
    ARRAY(
      SELECT privilege || ' ON ' || name FROM sim, unnest('{INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) AS privilege
        WHERE has_table_privilege(me.oid, sim.oid, privilege)
      UNION ALL
      SELECT 'SELECT ON ' || name FROM sim WHERE relname = 'account' AND has_any_column_privilege(me.oid, sim.oid, 'SELECT')
      UNION ALL
      SELECT 'SELECT (key) ON ' || name FROM sim JOIN pg_attribute ON attrelid = sim.oid AND attname = 'key' AND NOT attisdropped
        WHERE relname = 'api_key' AND has_column_privilege(me.oid, sim.oid, attnum, 'SELECT')
      ORDER BY 1) AS needless
  FROM me`;
