import { systemBinding } from "../../db/system-binding.ts";
import { SIGNED_KINDS } from "../boundary.ts";
import type { Check } from "../run-check.ts";
import { countByKeyVersion, type RowAccess } from "../signed-rows.ts";
import { readBoundaryKeys } from "../workspace-keys.ts";

/** Whether each row is signed under a root secret that is configured, and how many wait to be signed under the newest. */
export function reSigningCheck({ rootSecrets, openWorkspace }: RowAccess): Check {
  return {
    name: "re-signing",
    async run(workspaceId) {
      const db = openWorkspace(systemBinding(workspaceId, "isolation.health"));
      const keys = await readBoundaryKeys(rootSecrets, db);
      if (!keys)
        return {
          status: "healthy",
          message: "There is nothing to sign anew",
          evidence: { olderSecrets: rootSecrets.length - 1 },
        };
      const counts = (await Promise.all(SIGNED_KINDS.map((kind) => countByKeyVersion(db, kind)))).flat();
      const sum = (isCounted: (version: number) => boolean) =>
        counts.reduce((total, { version, rows }) => total + (isCounted(version) ? rows : 0), 0);
      const pending = sum((version) => version !== keys.current.version && keys.byVersion.has(version));
      const unknown = sum((version) => !keys.byVersion.has(version));
      const evidence = { olderSecrets: rootSecrets.length - 1, isEverySecretKnown: unknown === 0 };
      const adminEvidence = {
        isComplete: pending === 0,
        signedUnderNewest: sum((version) => version === keys.current.version),
        pending,
        unknown,
      };
      if (unknown > 0) {
        const message = "Rows are signed under a root secret that is no longer configured, so that nobody is shown them";
        const remedy = "Put the older secret back into ISOLATION_SECRET, behind the newest, until every row is signed anew";
        return { status: "unhealthy", message, evidence, adminEvidence, remedy };
      }
      const message =
        rootSecrets.length > 1
          ? "What is signed under an older root secret is signed anew under the newest, and verifies all the while"
          : "There is one root secret, under which all is signed";
      return { status: "healthy", message, evidence, adminEvidence };
    },
  };
}
