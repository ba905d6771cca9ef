import { afterEach, beforeEach, expect, test } from "vitest";
import { migrate } from "../../server/db/migrate.ts";
import { PARTITIONED_TABLES } from "../../server/db/partitions.ts";
import { NOT_TENANT_TABLES_SQL } from "../../server/db/queue-tables.ts";
import { lowestIdAt } from "../../server/shared/ids.ts";
import { withConnection } from "../support/connection.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

async function partitions(): Promise<{ name: string; bounds: string }[]> {
  const { rows } = await database.owner.query(
    `SELECT relname AS name, pg_get_expr(relpartbound, oid) AS bounds FROM pg_class
     WHERE relispartition AND relkind = 'r' AND relnamespace = 'parlant'::regnamespace ORDER BY 1`,
  );
  return rows;
}

test.each(PARTITIONED_TABLES)(
  "partitions of %s are there for this month and two years on, each beginning where the last one ends",
  async (table) => {
    await database.owner.query("DROP SCHEMA parlant CASCADE");
    await migrate({ url: database.ownerUrl, clock: { now: () => Date.UTC(2026, 10, 30, 23, 59, 59) } });
    const name = table.replace("parlant.", "");
    const found = (await partitions()).filter((partition) => partition.name.startsWith(name));
    expect(found.map(({ name }) => name)).toHaveLength(26);
    expect(found[0]).toEqual({
      name: `${name}_2026_11`,
      bounds: `FOR VALUES FROM ('${lowestIdAt(Date.UTC(2026, 10))}') TO ('${lowestIdAt(Date.UTC(2026, 11))}')`,
    });
    expect(found.at(-2)?.name).toBe(`${name}_2028_11`);
    expect(found.at(-1)).toEqual({ name: `${name}_default`, bounds: "DEFAULT" });
    const bounds = found.slice(0, -1).map(({ bounds }) => bounds.match(/'([^']+)'/g));
    for (const [index, bound] of bounds.slice(1).entries()) expect(bound?.[0]).toBe(bounds[index]?.[1]);
  },
);

test("partitions of the audit trail take over the rows that the default one had to keep", async () => {
  const later = new Date();
  later.setUTCMonth(later.getUTCMonth() + 30, 10);
  const id = lowestIdAt(later.getTime());
  const whereIs = () =>
    withConnection(database.superuserUrl, async (admin) => {
      const { rows } = await admin.query(
        "SELECT tableoid::regclass::text AS place FROM parlant.parlant_audit_event WHERE id = $1",
        [id],
      );
      return rows;
    });
  await withConnection(database.superuserUrl, (admin) =>
    admin.query(
      `INSERT INTO parlant.parlant_audit_event (workspace_id, id, occurred_at, action, outcome, actor_kind)
       VALUES ('w', $1, $2, 'agent.create', 'success', 'session')`,
      [id, later],
    ),
  );
  expect(await whereIs()).toEqual([{ place: "parlant.parlant_audit_event_default" }]);
  await migrate({ url: database.ownerUrl, clock: { now: () => Date.now() + 12 * 30 * 86_400_000 } });
  const month = later.toISOString().slice(0, 7).replace("-", "_");
  expect(await whereIs()).toEqual([{ place: `parlant.parlant_audit_event_${month}` }]);
  const { rows } = await database.owner.query(
    `SELECT relname FROM pg_class WHERE relnamespace = 'parlant'::regnamespace AND relkind IN ('r', 'p')
     AND relname <> ALL (${NOT_TENANT_TABLES_SQL}) AND NOT (relrowsecurity AND relforcerowsecurity)`,
  );
  expect(rows).toEqual([]);
});
