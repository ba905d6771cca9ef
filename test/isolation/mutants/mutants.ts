import pg from "pg";
import { NOT_TENANT_TABLES_SQL, QUEUE_FUNCTIONS } from "../../../server/db/queue-tables.ts";

/** One fault put into the database on purpose. */
export interface Mutant {
  name: string;
  script: string;
  /** Whether a statement can meet the fault, so that the probes that send statements have to see it, not the audit alone. */
  isMet: boolean;
}

/** Which kinds of fault are made of what is in the catalogue; each query gives names, and what the script needs. */
export async function generateMutants(
  client: pg.Client,
  appRole: string,
  listedPrivileges: readonly string[],
): Promise<Mutant[]> {
  const tables = await readTables(client);
  return [
    ...(await ofPolicies(client)),
    ...tables.flatMap(ofTable),
    ...(await ofForeignKeys(client)),
    ...(await ofIndexes(client)),
    ...(await ofFunctions(client)),
    ...ofGrants(tables, appRole, listedPrivileges),
  ];
}

interface Table {
  table: string;
  /** Whether rows of the probes come to lie in it: in a partition for a month none do. */
  holdsRows: boolean;
}

const NOT_OURS = `relname <> ALL (${NOT_TENANT_TABLES_SQL})`;

/** Our tables; of the partitions of each, which are alike, the default one and the first. */
async function readTables(client: pg.Client): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `SELECT oid::regclass::text AS table, NOT relispartition OR pg_get_expr(relpartbound, oid) = 'DEFAULT' AS "holdsRows" FROM pg_class
     WHERE relnamespace = 'parlant'::regnamespace AND relkind IN ('r', 'p') AND ${NOT_OURS} AND (NOT relispartition OR oid IN (
       SELECT DISTINCT ON (inhparent, pg_get_expr(p.relpartbound, inhrelid) = 'DEFAULT') inhrelid
       FROM pg_inherits JOIN pg_class p ON p.oid = inhrelid WHERE p.relispartition
       ORDER BY inhparent, pg_get_expr(p.relpartbound, inhrelid) = 'DEFAULT', inhrelid))
     ORDER BY 1`,
  );
  return rows;
}

async function ofPolicies(client: pg.Client): Promise<Mutant[]> {
  const { rows } = await client.query<{ policy: string; table: string }>(
    `SELECT quote_ident(polname) AS policy, polrelid::regclass::text AS table FROM pg_policy JOIN pg_class c ON c.oid = polrelid
     WHERE relnamespace = 'parlant'::regnamespace AND ${NOT_OURS} ORDER BY 2, 1`,
  );
  const changes: [string, (policy: string, table: string) => string][] = [
    ["is dropped", (policy, table) => `DROP POLICY ${policy} ON ${table}`],
    ["reads every row", (policy, table) => `ALTER POLICY ${policy} ON ${table} USING (true)`],
    ["writes any row", (policy, table) => `ALTER POLICY ${policy} ON ${table} WITH CHECK (true)`],
    ["has a second one beside it", (_, table) => `CREATE POLICY beside ON ${table} USING (true) WITH CHECK (true)`],
    [
      "takes no workspace for every workspace",
      (policy, table) =>
        `ALTER POLICY ${policy} ON ${table} USING (workspace_id = coalesce(nullif(current_setting('app.workspace_id', true), ''), workspace_id))`,
    ],
  ];
  return rows.flatMap(({ policy, table }) =>
    changes.map(([what, script]) => ({ name: `the policy of ${table} ${what}`, script: script(policy, table), isMet: true })),
  );
}

function ofTable({ table, holdsRows }: Table): Mutant[] {
  return [
    { name: `row-level security of ${table} is not forced`, script: `ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY` },
    { name: `row-level security of ${table} is off`, script: `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY` },
  ].map((mutant) => ({ ...mutant, isMet: holdsRows }));
}

async function ofForeignKeys(client: pg.Client): Promise<Mutant[]> {
  const { rows } = await client.query<{ name: string; table: string; parent: string; own: string[]; referenced: string[] }>(
    `SELECT quote_ident(conname) AS name, conrelid::regclass::text AS table, confrelid::regclass::text AS parent,
       ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS k (num, nth)
         JOIN pg_attribute ON attrelid = conrelid AND attnum = num AND attname <> 'workspace_id' ORDER BY nth) AS own,
       ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY AS k (num, nth)
         JOIN pg_attribute ON attrelid = confrelid AND attnum = num AND attname <> 'workspace_id' ORDER BY nth) AS referenced
     FROM pg_constraint JOIN pg_class c ON c.oid = conrelid
     WHERE connamespace = 'parlant'::regnamespace AND contype = 'f' AND conparentid = 0 AND ${NOT_OURS} ORDER BY 2, 1`,
  );
  return rows.flatMap(({ name, table, parent, own, referenced }): Mutant[] => {
    const dropped = `ALTER TABLE ${table} DROP CONSTRAINT ${name}`;
    const mutants = [{ name: `${name} is dropped`, script: dropped, isMet: true }];
    if (own.length === 0 || parent === "workspace") return mutants;
    const scalar = `CREATE UNIQUE INDEX ON ${parent} (${referenced.join(", ")});
      ALTER TABLE ${table} ADD CONSTRAINT ${name} FOREIGN KEY (${own.join(", ")}) REFERENCES ${parent} (${referenced.join(", ")})`;
    return [...mutants, { name: `${name} leaves the workspace out`, script: `${dropped}; ${scalar}`, isMet: true }];
  });
}

async function ofIndexes(client: pg.Client): Promise<Mutant[]> {
  const { rows } = await client.query<{
    index: string;
    table: string;
    constraint: string | null;
    definition: string;
    isUnique: boolean;
  }>(
    `SELECT indexrelid::regclass::text AS index, indrelid::regclass::text AS table, quote_ident(conname) AS constraint,
       pg_get_indexdef(indexrelid) AS definition, indisunique AS "isUnique"
     FROM pg_index JOIN pg_class c ON c.oid = indexrelid LEFT JOIN pg_constraint ON conindid = indexrelid AND contype IN ('p', 'u')
     WHERE relnamespace = 'parlant'::regnamespace AND NOT relispartition AND indnkeyatts > 1
       AND indrelid NOT IN (SELECT oid FROM pg_class WHERE NOT ${NOT_OURS}) ORDER BY 1`,
  );
  return rows.map(({ index, table, constraint, definition, isUnique }) => ({
    name: `${index} leaves the workspace out`,
    script: `${constraint ? `ALTER TABLE ${table} DROP CONSTRAINT ${constraint} CASCADE` : `DROP INDEX ${index}`};
      ${definition.replace("(workspace_id, ", "(").replace(" ON ONLY ", " ON ")}`,
    isMet: isUnique,
  }));
}

async function ofFunctions(client: pg.Client): Promise<Mutant[]> {
  const { rows } = await client.query<{ signature: string; definition: string; isGuard: boolean; isTrigger: boolean }>(
    `SELECT p.oid::regprocedure::text AS signature, pg_get_functiondef(p.oid) AS definition, prosrc ~ 'RAISE EXCEPTION' AS "isGuard",
       prorettype = 'trigger'::regtype AS "isTrigger"
     FROM pg_proc p WHERE pronamespace = 'parlant'::regnamespace AND proname <> ALL ('{${QUEUE_FUNCTIONS.join(",")}}') ORDER BY 1`,
  );
  return rows.flatMap(({ signature, definition, isGuard, isTrigger }): Mutant[] => [
    ...(isGuard
      ? [{ name: `${signature} checks nothing`, script: definition.replace(/\bIF\b.*?\bTHEN\b/s, "IF false THEN"), isMet: true }]
      : []),
    { name: `${signature} has its owner's rights`, script: `ALTER FUNCTION ${signature} SECURITY DEFINER`, isMet: false },
    { name: `${signature} looks up names anywhere`, script: `ALTER FUNCTION ${signature} RESET search_path`, isMet: false },
    // No plan has a trigger's function in it.
    ...(isTrigger
      ? []
      : [{ name: `${signature} may be planned away`, script: `ALTER FUNCTION ${signature} STABLE`, isMet: false }]),
    { name: `${signature} is everyone's`, script: `GRANT EXECUTE ON FUNCTION ${signature} TO PUBLIC`, isMet: false },
  ]);
}

function ofGrants(tables: readonly Table[], appRole: string, listed: readonly string[]): Mutant[] {
  const privileges = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];
  const role = pg.escapeIdentifier(appRole);
  return tables.flatMap(({ table }) => [
    ...privileges
      .filter((privilege) => !listed.includes(`${table} ${privilege}`))
      .map((privilege) => ({
        name: `the application role is granted ${privilege} on ${table}`,
        script: `GRANT ${privilege} ON ${table} TO ${role}`,
        isMet: false,
      })),
    { name: `everyone is granted SELECT on ${table}`, script: `GRANT SELECT ON ${table} TO PUBLIC`, isMet: false },
  ]);
}
