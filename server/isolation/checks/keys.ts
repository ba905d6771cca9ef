import { boundaryProblem } from "../agent-boundary.ts";
import type { Check } from "../run-check.ts";
import { type OwnRows, openOwnRows } from "./own-rows.ts";

const ROWS = 5;

/** Whether the workspace's keys are there, can be derived, and are those that its rows were signed under. */
export function keysCheck(ownRows: OwnRows): Check {
  return {
    name: "keys",
    async run(workspaceId) {
      const { db, keys } = await openOwnRows(ownRows, workspaceId);
      const rows = await db.agent.findMany({
        where: {},
        select: { id: true, createdAt: true, boundary: true, boundaryKeyVersion: true },
        orderBy: { id: "desc" },
        take: ROWS,
      });
      if (!keys) {
        if (rows.length === 0) {
          return { status: "healthy", message: "The keys are made with the workspace's first use", evidence: { hasKeys: false } };
        }
        const message = "The workspace's state is gone, and its keys with it: none of its rows can be verified";
        const remedy = "Restore the workspace's row of parlant_workspace_state from a backup";
        return { status: "unhealthy", message, evidence: { hasKeys: false }, remedy };
      }
      const good = rows.filter((row) => boundaryProblem(workspaceId, keys, row) === null).length;
      const evidence = { hasKeys: true, rootSecrets: ownRows.rootSecrets.length };
      const adminEvidence = { newestRows: rows.length, verified: good };
      if (rows.length === 0 || good > 0) {
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
