import type pg from "pg";
import { SIM_COLUMNS } from "../../server/db/probe-sim.ts";
import { JOB_TABLES, NOT_TENANT_TABLES } from "../../server/db/queue-tables.ts";
import { APP_FUNCTIONS, APP_TABLE_PRIVILEGES } from "../../server/db/roles.ts";

/** The policy of every table: what is read and what is written is the workspace's that the transaction is in. */
const WORKSPACE_CONDITION = "(workspace_id = NULLIF(current_setting('app.workspace_id'::text, true), ''::text))";

/** The tables of decisions are written in batches of several workspaces from outside of any; inside of one as any other. */
const BATCH_WRITTEN = ["parlant_authz_decision"];
const BATCH_CONDITION = `((NULLIF(current_setting('app.workspace_id'::text, true), ''::text) IS NULL) OR ${WORKSPACE_CONDITION})`;

/** A job is the workspace's that its data names. */
const JOB_CONDITION =
  "((NULLIF(current_setting('app.workspace_id'::text, true), ''::text) IS NULL) OR ((data ->> 'workspaceId'::text) = NULLIF(current_setting('app.workspace_id'::text, true), ''::text)))";

/**
 * What the catalogue must not say of our schema, one query a rule, each a sentence about what breaks it. All of them
 * read "ours", the tables, and "schema", its oid; none names a table, so that one added tomorrow is under every rule.
 */
const RULES: readonly string[] = [
  // Tables
  "SELECT format('%s: row-level security is not forced', name) FROM ours WHERE NOT forced",
  `SELECT format('%s: no column workspace_id of type text that is NOT NULL and given by the writer', name) FROM ours
   WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = ours.oid AND attname = 'workspace_id' AND NOT attisdropped
     AND atttypid = 'text'::regtype AND attnotnull AND NOT atthasdef AND attgenerated = '' AND attidentity = '')`,
  "SELECT format('%s: is not kept over a crash', name) FROM ours WHERE persistence <> 'p'",
  `SELECT format('%s: is owned by %s, the schema by %s', name, relowner::regrole, nspowner::regrole)
   FROM ours JOIN pg_class USING (oid), pg_namespace n, schema WHERE n.oid = schema.oid AND relowner <> nspowner`,
  `SELECT format('%s: has no primary key', name) FROM ours
   WHERE NOT EXISTS (SELECT FROM pg_index WHERE indrelid = ours.oid AND indisprimary)`,
  `SELECT format('%s: inherits from %s, other than as a partition', inhrelid::regclass, inhparent::regclass)
   FROM pg_inherits JOIN ours ON ours.oid = inhparent JOIN pg_class c ON c.oid = inhrelid
   WHERE relkind IN ('r', 'p', 'f') AND (NOT c.relispartition OR relnamespace <> (SELECT oid FROM schema))`,
  // Policies
  `SELECT format('%s: no policy bounds both what is read and what is written by the workspace', name) FROM ours
   WHERE NOT relispartition AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = ours.oid AND polcmd = '*' AND polpermissive
     AND polroles = '{0}' AND pg_get_expr(polqual, polrelid) = $1
     AND pg_get_expr(polwithcheck, polrelid) = CASE WHEN name = ANY ('{${BATCH_WRITTEN}}') THEN '${BATCH_CONDITION.replaceAll("'", "''")}' ELSE $1 END)`,
  `SELECT format('%s: has more than one policy, and any of them lets a row through', name) FROM ours
   WHERE (SELECT count(*) FROM pg_policy WHERE polrelid = ours.oid) > 1`,
  `SELECT format('%s: is a partition with a policy of its own', name) FROM ours
   WHERE relispartition AND EXISTS (SELECT FROM pg_policy WHERE polrelid = ours.oid)`,
  `SELECT format('%s: jobs are not bound by the workspace', wanted) FROM unnest('{${JOB_TABLES}}'::text[]) AS wanted
   WHERE NOT EXISTS (SELECT FROM pg_class c, pg_policy, schema WHERE relnamespace = schema.oid AND relname = wanted
     AND relrowsecurity AND relforcerowsecurity AND polrelid = c.oid AND polcmd = '*' AND polpermissive AND polroles = '{0}'
     AND pg_get_expr(polqual, polrelid) = '${JOB_CONDITION.replaceAll("'", "''")}'
     AND pg_get_expr(polwithcheck, polrelid) = '${JOB_CONDITION.replaceAll("'", "''")}'
     AND (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) = 1)`,
  // Indexes and constraints
  `SELECT format('%s: is not led by workspace_id', indexrelid::regclass) FROM pg_index JOIN ours ON ours.oid = indrelid
   WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = indrelid AND attnum = indkey[0] AND attname = 'workspace_id')`,
  `SELECT format('%s: is not valid', indexrelid::regclass) FROM pg_index JOIN ours ON ours.oid = indrelid WHERE NOT indisvalid`,
  `SELECT format('%s: excludes rows of several workspaces by each other', conname) FROM pg_constraint JOIN ours ON ours.oid = conrelid
   WHERE contype = 'x' AND NOT EXISTS (SELECT FROM pg_attribute, pg_operator o WHERE attrelid = conrelid AND attnum = conkey[1]
     AND attname = 'workspace_id' AND o.oid = conexclop[1] AND oprname = '=')`,
  `SELECT format('%s: refers to another table of ours without its workspace', conname) FROM pg_constraint
   WHERE contype = 'f' AND conrelid IN (SELECT oid FROM ours) AND confrelid IN (SELECT oid FROM ours) AND NOT EXISTS (
     SELECT FROM pg_attribute own, pg_attribute other
     WHERE own.attrelid = conrelid AND own.attnum = conkey[1] AND own.attname = 'workspace_id'
       AND other.attrelid = confrelid AND other.attnum = confkey[1] AND other.attname = 'workspace_id')`,
  `SELECT format('%s: refers from one schema into another, other than to the workspace', conname) FROM pg_constraint
   WHERE contype = 'f' AND (conrelid IN (SELECT oid FROM ours)) <> (confrelid IN (SELECT oid FROM ours))
     AND (conrelid IN (SELECT oid FROM ours) OR confrelid IN (SELECT oid FROM ours)) AND NOT (
       confrelid = 'public.workspace'::regclass AND cardinality(conkey) = 1
       AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1] AND attname = 'workspace_id'))`,
  `SELECT format('%s: would take a row''s workspace from it', conname) FROM pg_constraint JOIN ours ON ours.oid = conrelid
   WHERE contype = 'f' AND (confupdtype IN ('n', 'd') OR confdeltype IN ('n', 'd') AND EXISTS (SELECT FROM pg_attribute
     WHERE attrelid = conrelid AND attname = 'workspace_id' AND attnum = ANY (coalesce(confdelsetcols, conkey))))`,
  "SELECT format('%s: is not validated', conname) FROM pg_constraint JOIN ours ON ours.oid = conrelid WHERE NOT convalidated",
  // What acts by itself
  `SELECT format('%s on %s: is not enabled for everyone', tgname, tgrelid::regclass) FROM pg_trigger JOIN ours ON ours.oid = tgrelid
   WHERE tgenabled <> 'O'`,
  `SELECT format('%s on %s: runs a function outside our schema', tgname, tgrelid::regclass)
   FROM pg_trigger JOIN ours ON ours.oid = tgrelid JOIN pg_proc p ON p.oid = tgfoid
   WHERE NOT tgisinternal AND pronamespace <> (SELECT oid FROM schema)`,
  `SELECT format('%s on %s: rewrites statements', rulename, ev_class::regclass) FROM pg_rewrite JOIN ours ON ours.oid = ev_class`,
  `SELECT format('%s: is published by %s, past row-level security', tablename, pubname) FROM pg_publication_tables
   WHERE schemaname = 'parlant'`,
  `SELECT format('a setting of %s enters a workspace by itself', coalesce(nullif(setrole, 0)::regrole::text, 'the database'))
   FROM pg_db_role_setting, unnest(setconfig) AS one WHERE one LIKE 'app.%' AND setdatabase IN
     (0, (SELECT oid FROM pg_database WHERE datname = current_database()))`,
  // Other kinds of relation
  `SELECT format('%s: a view that reads with its owner''s rights', relname) FROM pg_class, schema
   WHERE relnamespace = schema.oid AND relkind = 'v' AND NOT coalesce(reloptions, '{}') @> '{security_invoker=true}'`,
  `SELECT format('%s: a copy or a foreign table, which row-level security does not bound', relname) FROM pg_class, schema
   WHERE relnamespace = schema.oid AND relkind IN ('m', 'f')`,
  `SELECT format('%s: a sequence, whose numbers tell of other workspaces'' rows', relname) FROM pg_class, schema
   WHERE relnamespace = schema.oid AND relkind = 'S'`,
  `SELECT format('%s: an extension in our schema', extname) FROM pg_extension, schema WHERE extnamespace = schema.oid`,
  // Functions
  "SELECT format('%s: is SECURITY DEFINER', function) FROM functions WHERE prosecdef",
  `SELECT format('%s: does not pin its search_path to pg_catalog', function) FROM functions
   WHERE NOT coalesce(proconfig, '{}') && '{search_path=pg_catalog,"search_path=pg_catalog, pg_temp"}'`,
  "SELECT format('%s: claims to be leakproof', function) FROM functions WHERE proleakproof",
  `SELECT format('%s: sets a workspace but is not VOLATILE and PARALLEL UNSAFE', function) FROM functions
   WHERE prosrc ~ 'set_config' AND (provolatile <> 'v' OR proparallel <> 'u')`,
  `SELECT format('%s: is written in %s', function, lanname) FROM functions JOIN pg_language l ON l.oid = prolang
   WHERE lanname NOT IN ('sql', 'plpgsql')`,
  // Privileges
  `SELECT format('%s: may be executed by PUBLIC', function) FROM functions, aclexplode(coalesce(proacl, acldefault('f', proowner)))
   WHERE grantee = 0`,
  `SELECT format('%s: PUBLIC has %s', relname, privilege_type) FROM pg_class, schema, aclexplode(relacl)
   WHERE relnamespace = schema.oid AND grantee = 0`,
  `SELECT format('%s.%s: PUBLIC has %s', attrelid::regclass, attname, privilege_type)
   FROM pg_attribute JOIN ours ON ours.oid = attrelid, aclexplode(attacl) WHERE grantee = 0`,
  `SELECT format('the schema: PUBLIC has %s', privilege_type) FROM pg_namespace n, schema, aclexplode(nspacl)
   WHERE n.oid = schema.oid AND grantee = 0`,
  `SELECT format('what is made in the schema is granted to %s: %s', coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC'), privilege_type)
   FROM pg_default_acl, schema, aclexplode(defaclacl) WHERE defaclnamespace IN (0, schema.oid) AND grantee <> defaclrole`,
  `SELECT format('the application role is a member of %s', roleid::regrole) FROM pg_auth_members
   WHERE member = $2::regrole`,
  `SELECT format('the application role may create in the schema %s', nspname) FROM pg_namespace
   WHERE nspname IN ('parlant', 'public') AND has_schema_privilege($2::regrole, oid, 'CREATE')`,
  `SELECT format('the application role is %s', what) FROM pg_roles, LATERAL (VALUES ('a superuser', rolsuper),
     ('past row-level security', rolbypassrls), ('a maker of roles', rolcreaterole), ('a replica', rolreplication)) AS may (what, has)
   WHERE pg_roles.oid = $2::regrole AND may.has`,
];

/** Every way in which the catalogue of our schema falls short of what it promises, a sentence each. */
export async function auditCatalogue(owner: pg.Client, appRole: string): Promise<string[]> {
  const { rows } = await owner.query<{ violation: string }>(
    `WITH schema AS (SELECT 'parlant'::regnamespace::oid AS oid),
    ours AS (
      SELECT c.oid, relname AS name, relrowsecurity AND relforcerowsecurity AS forced, relispartition, relpersistence AS persistence
      FROM pg_class c, schema WHERE relnamespace = schema.oid AND relkind IN ('r', 'p') AND relname <> ALL ($3::text[])),
    functions AS (SELECT p.oid::regprocedure AS function, p.* FROM pg_proc p, schema WHERE pronamespace = schema.oid)
    SELECT violation FROM (${RULES.map((rule) => `(${rule})`).join("\nUNION ALL\n")}) AS found (violation) ORDER BY 1`,
    [WORKSPACE_CONDITION, appRole, NOT_TENANT_TABLES],
  );
  return rows.map(({ violation }) => violation);
}

const TABLE_PRIVILEGES = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];

/** All that the application role may do with tables and functions, however it came by it. */
export async function readEffectivePrivileges(owner: pg.Client, appRole: string): Promise<string[]> {
  const { rows } = await owner.query<{ privilege: string }>(
    `WITH relation AS (
      SELECT oid, format('%s.%s', relnamespace::regnamespace, relname) AS name FROM pg_class
      WHERE relnamespace IN ('parlant'::regnamespace, 'public'::regnamespace) AND relkind IN ('r', 'p', 'v', 'm', 'f'))
    SELECT name || ' ' || privilege AS privilege FROM relation, unnest($2::text[]) AS privilege
      WHERE has_table_privilege($1, oid, privilege)
    UNION ALL
    SELECT format('%s.%s %s', name, attname, privilege)
      FROM relation JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped,
        unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) AS privilege
      WHERE has_column_privilege($1, oid, attnum, privilege) AND NOT has_table_privilege($1, oid, privilege)
    UNION ALL
    SELECT format('%s.%s %s', relnamespace::regnamespace, relname, privilege) FROM pg_class, unnest('{USAGE,SELECT,UPDATE}'::text[]) AS privilege
      WHERE relnamespace IN ('parlant'::regnamespace, 'public'::regnamespace) AND relkind = 'S'
        AND has_sequence_privilege($1, oid, privilege)
    UNION ALL
    SELECT oid::regprocedure || ' EXECUTE' FROM pg_proc
      WHERE pronamespace = 'parlant'::regnamespace AND has_function_privilege($1, oid, 'EXECUTE')`,
    [appRole, TABLE_PRIVILEGES],
  );
  return rows.map(({ privilege }) => privilege).sort();
}

/** What it is to have, and nothing else. */
export const LISTED_PRIVILEGES: readonly string[] = [
  ...Object.entries(APP_TABLE_PRIVILEGES).flatMap(([table, privileges]) => privileges.map((one) => `parlant.${table} ${one}`)),
  ...Object.entries(SIM_COLUMNS).flatMap(([table, { always, since }]) =>
    [...always, ...since].map((column) => `public.${table}.${column} SELECT`),
  ),
  ...APP_FUNCTIONS.map((signature) => `${signature} EXECUTE`),
].sort();
