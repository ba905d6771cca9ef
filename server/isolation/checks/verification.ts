import { systemBinding } from "../../db/system-binding.ts";
import type { Check, Verdict } from "../run-check.ts";
import type { RowAccess } from "../signed-rows.ts";
import { readVerification, sessionProblem } from "../verification.ts";

const LATE_MS = 3 * 86_400_000;

/**
 * How the last daily verification went. What it found wrong is looked at again now, so that what was mended is told as
 * mended: rows of another origin by the check of boundaries, sessions here; an audit log alone is too long for that.
 */
export function verificationCheck({ openWorkspace, now }: RowAccess & { now(): number }): Check {
  return {
    name: "verification",
    async run(workspaceId): Promise<Verdict> {
      const db = openWorkspace(systemBinding(workspaceId, "isolation.health"));
      const last = (await readVerification(db))?.last;
      if (!last) {
        const evidence = { verifiedAt: null };
        return { status: "healthy", message: "The workspace has not been verified as a whole yet", evidence };
      }
      const suspects = last.problems.flatMap(({ kind, id }) => (kind !== "boundary" && id !== null ? [id] : []));
      const sessions = suspects.length > 0 ? await db.sessionCounts({ ids: suspects }) : [];
      const stillWrong = sessions.flatMap((session) => sessionProblem(session) ?? []);
      const isAuditBroken = last.problems.some(({ kind }) => kind === "audit");
      const evidence = { verifiedAt: last.finishedAt, isComplete: true };
      const adminEvidence = {
        rows: last.rows,
        problemsFound: last.problemCount,
        sessions: stillWrong.map(({ id }) => id).join(" "),
        firstProblem: last.problems[0]?.message ?? null,
      };
      const degraded = (message: string, remedy: string): Verdict => ({
        status: "degraded",
        message,
        evidence,
        adminEvidence,
        remedy,
      });
      if (stillWrong.length > 0) {
        const remedy =
          "Find out who changed the rows past the server; restore the sessions from a backup, and delete what analytics keep of them";
        return degraded("Sessions have gaps in their events, or counts that are not those of their events", remedy);
      }
      if (isAuditBroken) {
        const remedy = "audit.verify names each place; compare with a checkpoint that was kept elsewhere, restore from a backup";
        return degraded("The last verification found the audit log other than it was sealed", remedy);
      }
      if (Date.parse(last.finishedAt) + LATE_MS < now()) {
        return degraded("The daily verification is days late", "See the server's log for the sweep verification");
      }
      return { status: "healthy", message: "All rows were verified in the last days", evidence, adminEvidence };
    },
  };
}
