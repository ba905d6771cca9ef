import { randomUUID } from "node:crypto";
import type { QueryBound } from "../../db/client.ts";
import type { SimReader, Statement } from "../../db/sim-reader.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { Check } from "../run-check.ts";

const TABLES = `select quote_ident(relname) as "table", quote_literal(relname) as name, array(
    select quote_ident(attname) from pg_index, unnest(indkey) with ordinality as k (num, nth)
    join pg_attribute on attrelid = pg_class.oid and attnum = num where indrelid = pg_class.oid and indisprimary order by nth) as "key"
from pg_class
where relnamespace = to_regnamespace('parlant') and relkind in ('r', 'p') and not relispartition
  and has_table_privilege(oid, 'SELECT')
  and exists (select from pg_attribute where attrelid = pg_class.oid and attname = 'workspace_id' and not attisdropped)
order by 1`;

/**
 * Whether a read that names this workspace's rows gets none of them, made in another workspace and in none at all. The
 * same read in the workspace itself shows that there was something to get.
 */
export function canaryCheck({ sim, queryBound }: { sim: SimReader; queryBound: QueryBound }): Check {
  return {
    name: "canary",
    async run(workspaceId) {
      const tables = await sim.query<CanaryTable>({ name: "canary_tables", text: TABLES, values: [] });
      if (tables.length === 0) {
        return { status: "unhealthy", message: "The server can read none of its tables", evidence: { tables: 0 } };
      }
      const read = canaryRead(tables, workspaceId);
      const visible = (rows: { table: string; isVisible: boolean }[]) =>
        rows.filter((row) => row.isVisible).map((row) => row.table);
      const [own, elsewhere, nowhere] = await Promise.all([
        queryBound<CanaryRow>(systemBinding(workspaceId, "isolation.canary"), read).then(visible),
        queryBound<CanaryRow>(systemBinding(`canary-${randomUUID()}`, "isolation.canary"), read).then(visible),
        sim.query<CanaryRow>(read).then(visible),
      ]);
      const evidence = {
        tables: tables.length,
        visibleInOtherWorkspace: elsewhere.length,
        visibleWithoutWorkspace: nowhere.length,
        hasControl: own.length > 0,
      };
      const leaking = [...new Set([...elsewhere, ...nowhere])];
      if (leaking.length > 0) {
        const message = `Rows of this workspace can be read from outside it: ${leaking.join(", ")}`;
        return { status: "unhealthy", message, evidence, remedy: "Run npm run db:check and mend row-level security" };
      }
      const message =
        own.length > 0
          ? "A read from another workspace, and one from none, got nothing of this one"
          : "Nothing of this workspace could be seen, from inside it either: it has no rows yet, or none is let through";
      return { status: "healthy", message, evidence };
    },
  };
}

interface CanaryRow {
  table: string;
  isVisible: boolean;
}

interface CanaryTable {
  /** As it is named in a statement, and as a text in one. */
  table: string;
  name: string;
  /** Columns of the primary key. */
  key: string[];
}

function canaryRead(tables: readonly CanaryTable[], workspaceId: string): Statement {
  const text = tables
    .map(({ table, name, key }) => {
      // In the key's order, because a plan for any row at all would read a large table from its start.
      const first = `select true from parlant.${table} where workspace_id = $1 order by ${key.join(", ")} limit 1`;
      return `select ${name} as "table", (${first}) is not null as "isVisible"`;
    })
    .join(" union all ");
  // Unnamed: a connection keeps the plan of a named one, made when other policies or another role may have been in force.
  return { name: "", text, values: [workspaceId] };
}
