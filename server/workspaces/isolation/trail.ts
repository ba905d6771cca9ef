import { eventTime } from "../../audit/event-time.ts";
import { VIOLATION_ACTION } from "../../isolation/violations.ts";
import type { IsolationContext } from "../../permissions/workspace-context.ts";
import { lowestIdAt } from "../../shared/ids.ts";
import type { IsolationReport } from "./schemas.ts";

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
const MAX_ACTIONS = 100;
const MAX_DENIALS = 50;
const MAX_VIOLATIONS = 100;

const EVENT = {
  id: true,
  action: true,
  reasonCode: true,
  actorKind: true,
  actorId: true,
  targetKind: true,
  targetId: true,
  occurredAt: true,
} as const;

/** Who came and what they did, in the last day and the last week, as the audit log has it. */
export async function readAccessPatterns(ctx: IsolationContext): Promise<IsolationReport["accessPatterns"]> {
  const [ofDay, ofWeek] = [await readGroups(ctx, DAY_MS), await readGroups(ctx, WEEK_MS)];
  type Group = (typeof ofWeek)[number];
  const sum = (groups: Group[], isCounted: (group: Group) => boolean) =>
    groups.filter(isCounted).reduce((total, { _count }) => total + _count._all, 0);
  const inPeriods = (isCounted: (group: Group) => boolean) => ({
    lastDay: sum(ofDay, isCounted),
    lastWeek: sum(ofWeek, isCounted),
  });
  const kinds = [...new Set(ofWeek.map(({ actorKind }) => actorKind))].sort();
  const actions = [...new Map(ofWeek.map(({ action, outcome }) => [`${action} ${outcome}`, { action, outcome }])).values()];
  return {
    byPrincipalKind: kinds.map((kind) => ({ kind, ...inPeriods(({ actorKind }) => actorKind === kind) })),
    byAction: actions
      .map((one) => ({ ...one, ...inPeriods(({ action, outcome }) => action === one.action && outcome === one.outcome) }))
      .sort((one, other) => other.lastWeek - one.lastWeek || one.action.localeCompare(other.action))
      .slice(0, MAX_ACTIONS),
  };
}

/** Who was turned away in the last week, newest first. */
export async function readDenials({ db, clock }: IsolationContext): Promise<IsolationReport["recentDenials"]> {
  const events = await db.auditEvent.findMany({
    where: { outcome: "denied", id: { gte: lowestIdAt(clock.now() - WEEK_MS) } },
    select: EVENT,
    orderBy: { id: "desc" },
    take: MAX_DENIALS,
  });
  return events.map(({ action, ...event }) => ({ action, ...toParties(event) }));
}

/** The rows of another origin that were met here, newest first. */
export async function readViolations({ db }: IsolationContext): Promise<IsolationReport["violations"]> {
  const events = await db.auditEvent.findMany({
    where: { action: VIOLATION_ACTION },
    select: EVENT,
    orderBy: { id: "desc" },
    take: MAX_VIOLATIONS,
  });
  return events.map(({ action: _, ...event }) => toParties(event));
}

// The event's id leads with its time, so that the primary key finds a period and PostgreSQL passes over other partitions.
function readGroups({ db, clock }: IsolationContext, periodMs: number) {
  return db.auditEvent.groupBy({
    by: ["actorKind", "action", "outcome"],
    where: { id: { gte: lowestIdAt(clock.now() - periodMs) } },
    _count: { _all: true },
  });
}

interface StoredParties {
  id: string;
  reasonCode: string | null;
  actorKind: string;
  actorId: string | null;
  targetKind: string | null;
  targetId: string | null;
  occurredAt: Date;
}

function toParties({ reasonCode, actorKind, actorId, targetKind, targetId, ...event }: StoredParties) {
  const occurredAt = eventTime(event);
  return { reasonCode, actor: { kind: actorKind, id: actorId }, target: { kind: targetKind, id: targetId }, occurredAt };
}
