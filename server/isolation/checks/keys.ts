import type { Check } from "../run-check.ts";
import { judgeRows, type RowAccess, readSignedRows } from "../signed-rows.ts";

const ROWS = 5;

/** Whether the workspace's keys are there, can be derived, and are those that its rows were signed under. */
export function keysCheck(access: RowAccess): Check {
  return {
    name: "keys",
    async run(workspaceId) {
      const { keys, rows, bad } = await judgeRows(access, { workspaceId, purpose: "isolation.health" }, (db) =>
        readSignedRows(db, "agent", { order: "desc", take: ROWS }),
      );
      if (!keys && rows.length === 0) {
        return { status: "healthy", message: "The keys are made with the workspace's first use", evidence: { hasKeys: false } };
      }
      if (!keys) {
        const message = "The workspace's state is gone, and its keys with it: none of its rows can be verified";
        const remedy = "Restore the workspace's row of parlant_workspace_state from a backup";
        return { status: "unhealthy", message, evidence: { hasKeys: false }, remedy };
      }
      const evidence = { hasKeys: true, rootSecrets: access.rootSecrets.length };
      const adminEvidence = { newestRows: rows.length, verified: rows.length - bad.length };
      if (rows.length === 0 || bad.length < rows.length) {
        return { status: "healthy", message: "The workspace's keys are there and can be derived", evidence, adminEvidence };
      }
      const message =
        "None of the newest rows verifies under the workspace's keys: the salt, the root secret or the rows are others";
      const remedy =
        "Restore key_salt of parlant_workspace_state, or put the root secret that is missing back into ISOLATION_SECRET";
      return { status: "unhealthy", message, evidence, adminEvidence, remedy };
    },
  };
}
