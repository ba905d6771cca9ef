import { afterAll, beforeAll, expect, test } from "vitest";
import { openQueueConnection, type QueueConnection } from "../../server/db/queue-connection.ts";
import { QUEUE_FUNCTIONS, QUEUE_TABLES } from "../../server/db/queue-tables.ts";
import { credentialsOf } from "../../server/db/roles.ts";
import { openQueue } from "../../server/jobs/queue.ts";
import { createLogger } from "../../server/shared/logger.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let connection: QueueConnection;
beforeAll(async () => {
  database = await createTestDatabase();
  connection = openQueueConnection({ url: database.appUrl, onError() {} });
});
afterAll(async () => {
  await connection?.close();
  await database?.drop();
});

const open = () => openQueue(connection, { kinds: [], log: createLogger("silent") });

test("the migrations make what the library has at its present version: nothing is missing, and nothing is another", async () => {
  const queue = await open();
  const drift = await queue.boss.detectSchemaDrift();
  await queue.close();
  expect(drift).toMatchObject({ ok: true, missing: [], extraIndexes: [] });
});

test("its tables and functions are those that are named as its, so that whatever it adds is looked at", async () => {
  const { rows } = await database.owner.query<{ kind: string; name: string }>(
    `SELECT 'table' AS kind, relname AS name FROM pg_class WHERE relnamespace = 'parlant'::regnamespace AND relkind IN ('r', 'p')
       AND relname !~ '^(parlant_|_prisma)'
     UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = 'parlant'::regnamespace AND proname !~ '^parlant_'
     ORDER BY 1, 2`,
  );
  const named = (kind: string) => rows.filter((row) => row.kind === kind).map(({ name }) => name);
  expect(named("table")).toEqual(QUEUE_TABLES.toSorted());
  expect(named("function")).toEqual(QUEUE_FUNCTIONS.toSorted());
});

test("the library looks after its tables with the role's own rights, and is refused nothing", async () => {
  const supervised = async () => {
    const { boss, close } = await open();
    const errors: string[] = [];
    boss.on("error", ({ message }) => errors.push(message));
    await boss.supervise();
    await close();
    return errors;
  };
  expect(await supervised()).toEqual([]);
  const { user } = credentialsOf(database.appUrl);
  await database.owner.query(`REVOKE UPDATE ON parlant.instance FROM "${user}"`);
  // The control: what would be refused is told.
  expect(await supervised()).toEqual(["permission denied for table instance"]);
  await database.owner.query(`GRANT UPDATE ON parlant.instance TO "${user}"`);
});

test("tables of another version of the library are refused", async () => {
  await database.owner.query("UPDATE parlant.version SET version = version - 1");
  await expect(open()).rejects.toThrow("requires migrations");
  await database.owner.query("UPDATE parlant.version SET version = version + 1");
});
