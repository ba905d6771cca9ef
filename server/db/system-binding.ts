import type { Binding } from "./binding.ts";

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
