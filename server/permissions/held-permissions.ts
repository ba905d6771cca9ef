import type { Principal } from "../auth/principal.ts";
import type { SimFeatures } from "../db/sim-features.ts";
import type { SimReader } from "../db/sim-reader.ts";
import { permissionValues } from "./guard.ts";
import type { WorkspacePermission } from "./levels.ts";
import { permissionSql } from "./permission-sql.ts";
import type { Proven } from "./principal-map.ts";

/** A permission that was decided, and for whom. */
export interface DecidedPermission extends Proven {
  workspaceId: string;
  permission: WorkspacePermission;
}

const AT_ONCE = 500;

/**
 * Which of the decisions still are what Sim's tables say, of any number of callers and workspaces; each read by the very
 * rule by which one is decided, hundreds of them in one statement.
 */
export async function heldPermissions<Decided extends DecidedPermission>(
  { sim, features }: { sim: SimReader; features: SimFeatures },
  decided: readonly Decided[],
): Promise<Set<Decided>> {
  const held = new Set<Decided>();
  // Those alone that are asked for: an older Sim has no columns by which some could be.
  const kinds = [...new Set(decided.map(({ principal }) => principal.kind))].sort();
  const statement = { name: ["held", ...kinds].join("_"), text: heldSql(kinds, features) };
  for (let from = 0; from < decided.length; from += AT_ONCE) {
    const some = decided.slice(from, from + AT_ONCE);
    const given = some.map((one, place) => [
      ...permissionValues(one, one.workspaceId),
      ...[one.principal.kind, one.permission, String(place)],
    ]);
    const rows = await sim.query<{ place: number }>({ ...statement, values: [JSON.stringify(given)] });
    for (const { place } of rows) held.add(some[place] as Decided);
  }
  return held;
}

function heldSql(kinds: readonly Principal["kind"][], features: SimFeatures): string {
  const given = {
    workspace: "asked.workspace_id",
    user: "asked.user_id",
    credential: "asked.credential_id",
    proof: "asked.proof",
  };
  const ofKind = (kind: Principal["kind"]) => `select asked.place from asked
cross join lateral (${permissionSql(kind, features, given)}) found
where asked.kind = '${kind}' and found.credential_valid and found.workspace_live and found.key_allowed
  and found.permission::text = asked.permission`;
  return `with asked as materialized (
  select one->>0 as workspace_id, one->>1 as user_id, one->>2 as credential_id, one->>3 as proof, one->>4 as kind,
    one->>5 as permission, (one->>6)::integer as place
  from jsonb_array_elements($1::jsonb) one
)
${kinds.map(ofKind).join("\nunion all\n")}`;
}
