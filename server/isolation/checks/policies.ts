import { NOT_TENANT_TABLES_SQL } from "../../db/queue-tables.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import type { ServerCheck } from "../shared-check.ts";

interface Policy {
  command: string;
  isPermissive: boolean;
  using: string | null;
  check: string | null;
}

interface TableFacts {
  table: string;
  isForced: boolean;
  isPartition: boolean;
  policies: Policy[];
}

/** The one condition that a policy of ours may have, as PostgreSQL writes it back. */
const OF_THE_WORKSPACE = "(workspace_id = NULLIF(current_setting('app.workspace_id'::text, true), ''::text))";

/** Decisions are written in batches of several workspaces, from outside of any; inside of one as any other row. */
const BATCH_WRITTEN = "parlant_authz_decision";
const OUTSIDE_OR_OF_THE_WORKSPACE = `((NULLIF(current_setting('app.workspace_id'::text, true), ''::text) IS NULL) OR ${OF_THE_WORKSPACE})`;

const FACTS = `select relname as "table", relrowsecurity and relforcerowsecurity as "isForced", relispartition as "isPartition",
  coalesce((select json_agg(json_build_object('command', polcmd, 'isPermissive', polpermissive,
      'using', pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid)))
    from pg_policy where polrelid = pg_class.oid), '[]') as policies
from pg_class
where relnamespace = to_regnamespace('parlant') and relkind in ('r', 'p') and relname <> all (${NOT_TENANT_TABLES_SQL})
order by 1`;

/** Whether every table of ours has row-level security forced, with the policy that confines it and no other beside it. */
export function policiesCheck(sim: SimReader): ServerCheck {
  return {
    name: "policies",
    async run() {
      const tables = await sim.query<TableFacts>({ name: "check_policies", text: FACTS, values: [] });
      const unforced = tables.filter(({ isForced }) => !isForced).map(({ table }) => table);
      const unconfined = tables.filter((facts) => !isConfined(facts)).map(({ table }) => table);
      const evidence = { tables: tables.length, unforced: unforced.length, unconfined: unconfined.length };
      if (tables.length > 0 && unforced.length + unconfined.length === 0) {
        return { status: "healthy", message: "Row-level security is forced on every table, by its policy", evidence };
      }
      const parts = [
        ...(tables.length === 0 ? ["There is no table of the server's"] : []),
        ...(unforced.length > 0 ? [`Row-level security is not forced on ${unforced.join(", ")}`] : []),
        ...(unconfined.length > 0 ? [`The policy is missing, another one or not alone on ${unconfined.join(", ")}`] : []),
      ];
      const remedy = "ALTER TABLE … FORCE ROW LEVEL SECURITY, or the policy workspace_isolation as the migrations make it";
      return { status: "unhealthy", message: parts.join("; "), evidence, remedy };
    },
  };
}

/** A partition has no policy, which closes it to all but its parent. */
function isConfined({ table, isPartition, policies }: TableFacts): boolean {
  if (isPartition) return policies.length === 0;
  return policies.some(({ isPermissive }) => isPermissive) && policies.every((policy) => isOurs(table, policy));
}

function isOurs(table: string, { command, isPermissive, using, check }: Policy): boolean {
  if (!isPermissive) return true; // it can only take away
  if (command !== "*" || using !== OF_THE_WORKSPACE) return false;
  return check === null || check === OF_THE_WORKSPACE || (table === BATCH_WRITTEN && check === OUTSIDE_OR_OF_THE_WORKSPACE);
}
