import { randomBytes } from "node:crypto";
import type { WorkspaceDb } from "../../db/workspace-db.ts";
import type { SignedAgent } from "../agent-boundary.ts";
import type { Check } from "../run-check.ts";
import { DELETED_TOO, judgeRows, type RowAccess, SIGNED, violationOf } from "../signed-rows.ts";
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
        const suspects = [...violations.suspects(workspaceId), ...(await recordedSuspects(db, now() - SUSPECT_FOR_MS))];
        return sample(db, suspects);
      });
      if (!keys) {
        return {
          status: "healthy",
          message: "There are no keys to verify rows with; the check of the keys judges that",
          evidence: {},
        };
      }
      for (const one of bad) violations.report(violationOf(workspaceId, one));
      const adminEvidence = {
        rows: rows.length,
        mismatches: bad.length,
        agents: bad
          .slice(0, 10)
          .map(({ id }) => id)
          .join(" "),
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

async function recordedSuspects(db: WorkspaceDb, sinceMs: number): Promise<string[]> {
  const events = await db.auditEvent.findMany({
    where: { action: VIOLATION_ACTION, targetKind: "agent", occurredAt: { gte: new Date(sinceMs) } },
    select: { targetId: true },
    orderBy: { id: "desc" },
    take: SUSPECTS,
  });
  return events.flatMap(({ targetId }) => targetId ?? []);
}

async function sample(db: WorkspaceDb, suspects: readonly string[]): Promise<SignedAgent[]> {
  const [newest, random, suspected] = await Promise.all([
    db.agent.findMany({ where: DELETED_TOO, select: SIGNED, orderBy: { id: "desc" }, take: NEWEST }),
    randomRows(db),
    db.agent.findMany({ where: { ...DELETED_TOO, id: { in: [...new Set(suspects)] } }, select: SIGNED, take: 2 * SUSPECTS }),
  ]);
  return [...new Map([...newest, ...random, ...suspected].map((row) => [row.id, row])).values()];
}

/** The rows that follow a random place between the first id and the last, which the primary key finds at once. */
async function randomRows(db: WorkspaceDb): Promise<SignedAgent[]> {
  const first = await db.agent.findFirst({ where: DELETED_TOO, select: { id: true }, orderBy: { id: "asc" } });
  const last = await db.agent.findFirst({ where: DELETED_TOO, select: { id: true }, orderBy: { id: "desc" } });
  if (!first || !last) return [];
  const place = randomIdBetween(first.id, last.id);
  return db.agent.findMany({
    where: { ...DELETED_TOO, id: { gte: place } },
    select: SIGNED,
    orderBy: { id: "asc" },
    take: RANDOM,
  });
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
