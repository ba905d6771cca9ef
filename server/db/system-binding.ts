import type { Binding } from "./binding.ts";
import type { SimFeatures } from "./sim-features.ts";

/**
 * Binds the server's own work to one workspace: no permission is checked, and row-level security confines it as it does
 * a caller's. The purpose stands in the transaction's settings.
 */
export function systemBinding(workspaceId: string, purpose: string): Binding {
  return {
    workspaceId,
    prelude: { name: "enter_system", text: "select parlant.parlant_enter_system($1, $2)", values: [workspaceId, purpose] },
  };
}

const PURGE = "workspace.purge";

/**
 * Binds a purge of what was archived at `archivedAt`, as PostgreSQL writes it: beside what a systemBinding does, each
 * transaction ends with PA001 where Sim shows the workspace as live, or as archived at another time, at its begin and again
 * at its commit. A Sim without workspace.archived_at shows each as live that has a row.
 */
export function purgeBinding(
  workspaceId: string,
  archivedAt: string | null,
  { workspaceArchivedAt }: Pick<SimFeatures, "workspaceArchivedAt">,
): Binding {
  const isOther = workspaceArchivedAt ? " and (w.archived_at is null or w.archived_at::text is distinct from $3)" : "";
  const isLive = `exists (select from public.workspace w where w.id = $1${isOther})`;
  return {
    workspaceId,
    prelude: {
      name: workspaceArchivedAt ? "enter_purge" : "enter_purge_without_archive",
      text: `select parlant.parlant_enter_system($1, $2),
  parlant.parlant_enter($1, case when ${isLive} then 'live' else 'archived or gone' end, 'archived or gone')`,
      values: workspaceArchivedAt ? [workspaceId, PURGE, archivedAt] : [workspaceId, PURGE],
    },
  };
}
