import { randomBytes } from "node:crypto";
import type { WorkspaceDb } from "../../db/workspace-db.ts";
import { SIGNED_KINDS, type SignedKind } from "../boundary.ts";
import type { Check } from "../run-check.ts";
import { type JudgedRow, judgeRows, type RowAccess, readSignedRows, violationOf } from "../signed-rows.ts";
import { VIOLATION_ACTION, type Violations } from "../violations.ts";

const NEWEST = 25;
const RANDOM = 25;
const SUSPECTS = 50;
const SUSPECT_FOR_MS = 86_400_000;

/**
 * Whether the rows of a sample were made in this workspace: its newest ones, random ones, and those that were found out
 * in the last day, by whichever server, until they are mended.
 */
export function boundaryCheck(options: RowAccess & { violations: Violations; now(): number }): Check {
  const { violations, now } = options;
  return {
    name: "boundary",
    async run(workspaceId) {
      const { keys, rows, bad } = await judgeRows(options, { workspaceId, purpose: "isolation.health" }, async (db) => {
        const reported = violations.suspects(workspaceId);
        const ofKinds = SIGNED_KINDS.map(async (kind) =>
          sample(db, kind, [...reported, ...(await recordedSuspects(db, kind, now() - SUSPECT_FOR_MS))]),
        );
        return (await Promise.all(ofKinds)).flat();
      });
      if (!keys) {
        return {
          status: "healthy",
          message: "There are no keys to verify rows with; the check of the keys judges that",
          evidence: {},
        };
      }
      for (const one of bad) violations.report(violationOf(workspaceId, one));
      const badOnes = (kind: SignedKind) =>
        bad
          .filter((one) => one.kind === kind)
          .slice(0, 10)
          .map(({ id }) => id)
          .join(" ");
      const adminEvidence = {
        rows: rows.length,
        mismatches: bad.length,
        agents: badOnes("agent"),
        sessions: badOnes("session"),
      };
      const evidence = { isAuthentic: bad.length === 0 };
      if (bad.length === 0) {
        return { status: "healthy", message: "Every row of the sample was made in this workspace", evidence, adminEvidence };
      }
      const message =
        "Rows lie in this workspace that were not made in it, or were changed past the server; nobody is shown them";
      const remedy = "Find out who moved them (isolation report, audit log); move them back, or restore them from a backup";
      return { status: "unhealthy", message, evidence, adminEvidence, remedy };
    },
  };
}

async function recordedSuspects(db: WorkspaceDb, kind: SignedKind, sinceMs: number): Promise<string[]> {
  const events = await db.auditEvent.findMany({
    where: { action: VIOLATION_ACTION, targetKind: kind, occurredAt: { gte: new Date(sinceMs) } },
    select: { targetId: true },
    orderBy: { id: "desc" },
    take: SUSPECTS,
  });
  return events.flatMap(({ targetId }) => targetId ?? []);
}

async function sample(db: WorkspaceDb, kind: SignedKind, suspects: readonly string[]): Promise<JudgedRow[]> {
  const [newest, random, suspected] = await Promise.all([
    readSignedRows(db, kind, { order: "desc", take: NEWEST }),
    randomRows(db, kind),
    readSignedRows(db, kind, { where: { id: { in: [...new Set(suspects)] } }, order: "asc", take: 2 * SUSPECTS }),
  ]);
  return [...new Map([...newest, ...random, ...suspected].map((row) => [row.id, row])).values()];
}

/** The rows that follow a random place between the first id and the last, which the primary key finds at once. */
async function randomRows(db: WorkspaceDb, kind: SignedKind): Promise<JudgedRow[]> {
  const [first] = await readSignedRows(db, kind, { order: "asc", take: 1 });
  const [last] = await readSignedRows(db, kind, { order: "desc", take: 1 });
  if (!first || !last) return [];
  return readSignedRows(db, kind, { where: { id: { gte: randomIdBetween(first.id, last.id) } }, order: "asc", take: RANDOM });
}

function randomIdBetween(first: string, last: string): string {
  const numberOf = (id: string) => BigInt(`0x${id.replaceAll("-", "")}`);
  const low = numberOf(first);
  const place = low + (BigInt(`0x${randomBytes(16).toString("hex")}`) % (numberOf(last) - low + 1n));
  return place
    .toString(16)
    .padStart(32, "0")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
