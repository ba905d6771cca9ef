import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { NOT_TENANT_TABLES_SQL, QUEUE_FUNCTIONS } from "../../../server/db/queue-tables.ts";
import { LISTED_PRIVILEGES } from "../../db/catalogue-rules.ts";
import { createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../../support/database.ts";
import { generateMutants, type Mutant } from "./mutants.ts";
import { auditProbe, EMPTY, MINE, OTHERS, type Probed, readForeignKeys, readPartitions, statementProbe } from "./probes.ts";
import { readTenantTables } from "./seed-rows.ts";

let database: TestDatabase;
let superuser: pg.Client;
let probed: Probed;
let mutants: Mutant[];

beforeAll(async () => {
  database = await createTestDatabase();
  superuser = new pg.Client(database.superuserUrl);
  await superuser.connect();
  // The audit is one large statement over small tables, which takes longer to compile than to run.
  await superuser.query("SET jit = off");
  const user = await makeUser(database.owner);
  for (const id of [MINE, OTHERS, EMPTY]) await makeWorkspace(database.owner, { id, ownerId: user.id });
  const { app, owner } = inject("databaseTemplate");
  mutants = await generateMutants(superuser, app.name, LISTED_PRIVILEGES);
  probed = {
    superuser,
    appRole: app.name,
    ownerRole: owner.name,
    tables: await readTenantTables(superuser),
    partitions: await readPartitions(superuser),
    foreignKeys: await readForeignKeys(superuser),
  };
  await dropChecks();
});

afterAll(async () => {
  await superuser?.end();
  await database?.drop();
});

/** What a column may hold within a workspace is not what is probed, and the rows of the probes are made up. */
async function dropChecks(): Promise<void> {
  const { rows } = await superuser.query<{ script: string }>(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS script FROM pg_constraint
     WHERE connamespace = 'parlant'::regnamespace AND contype = 'c' AND conislocal AND coninhcount = 0`,
  );
  for (const { script } of rows) await superuser.query(script);
}

/** What the probe finds once the script has been run; afterwards the database is as it was. */
async function probe(find: (probed: Probed) => Promise<string[]>, script: string): Promise<string[]> {
  await superuser.query("BEGIN");
  try {
    await superuser.query(script);
    return await find(probed);
  } finally {
    await superuser.query("ROLLBACK");
  }
}

test("control: without a mutant no probe finds anything", async () => {
  expect(await probe(auditProbe, "")).toEqual([]);
  expect(await probe(statementProbe, "")).toEqual([]);
});

test("every mutant of the schema is seen, by statements where a statement can meet it", { timeout: 600_000 }, async () => {
  const survivors: string[] = [];
  let seenByStatements = 0;
  let seenByAudit = 0;
  for (const { name, script, isMet } of mutants) {
    const isAudited = (await probe(auditProbe, script)).length > 0;
    const isSeen = isMet && (await probe(statementProbe, script)).length > 0;
    if (isAudited) seenByAudit++;
    if (isSeen) seenByStatements++;
    if (isMet ? !isSeen : !isAudited) survivors.push(name);
  }
  console.log(`SQL mutants: ${mutants.length}, ${seenByAudit} seen by the audit, ${seenByStatements} by statements`);
  expect(survivors).toEqual([]);
});

test("each table, policy, foreign key, function and index of ours has its mutants", async () => {
  const { rows } = await superuser.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'parlant'::regnamespace AND relkind IN ('r', 'p')
       AND NOT relispartition AND relname <> ALL (${NOT_TENANT_TABLES_SQL})
     UNION ALL SELECT conname FROM pg_constraint JOIN pg_class c ON c.oid = conrelid
       WHERE connamespace = 'parlant'::regnamespace AND contype = 'f' AND conparentid = 0 AND relname <> ALL (${NOT_TENANT_TABLES_SQL})
     UNION ALL SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'parlant'::regnamespace AND proname <> ALL ('{${QUEUE_FUNCTIONS.join(",")}}')
     UNION ALL SELECT 'the policy of ' || polrelid::regclass FROM pg_policy JOIN pg_class c ON c.oid = polrelid
       WHERE relnamespace = 'parlant'::regnamespace AND relname <> ALL (${NOT_TENANT_TABLES_SQL})`,
  );
  expect(rows.length).toBeGreaterThan(15);
  for (const { name } of rows) expect(mutants.filter((mutant) => mutant.name.includes(name)).length, name).toBeGreaterThan(0);
});
