import type { LevelChange } from "../../db/level-reads.ts";
import { ACCESS_LEVELS, type AccessLevel, agentLevel } from "../../permissions/levels.ts";
import { onceOnly, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { agentNotFound } from "../../shared/errors.ts";
import { authenticRows, grantOf } from "../agents/agent-row.ts";
import type { AccessSimulation, SimulateAccessInput } from "./schemas.ts";
import { findFacts, permissionOf, userAsSubject } from "./subject.ts";

type Change = SimulateAccessInput["change"];
type Outcome = Pick<AccessSimulation, "permission" | "gained" | "lost" | "unchanged" | "data">;

const MAX_SHOWN = 100;
/** A workspace has any number of agents, and all of them are judged. */
const AGENTS_AT_A_TIME = 1_000;

/**
 * Who would gain and lose on which agents, if this grant or permission were another. Nothing is changed.
 *
 * @throws AppError NOT_FOUND where the agent is absent
 */
export async function simulateAccess(ctx: WorkspaceContext, { change }: SimulateAccessInput): Promise<AccessSimulation> {
  const outcome = change.kind === "grant" ? await withGrant(ctx, change) : await withPermission(ctx, change);
  return { userId: change.userId, ...outcome, isolation: { workspaceId: ctx.workspaceId, verified: true } };
}

async function withGrant(ctx: WorkspaceContext, change: Change & { kind: "grant" }): Promise<Outcome> {
  const { userId, agentId, level, expiresAt } = change;
  const rows = await ctx.db.agentsById({ ids: [agentId], grantee: userId, view: null, areDeletedIncluded: false });
  const [agent] = await authenticRows(ctx, rows);
  if (!agent) throw agentNotFound();
  const permission = permissionOf(await findFacts(ctx, userId));
  const { rule } = userAsSubject(userId, permission);
  const nowMs = ctx.clock.now();
  const levelWith = (grant: Parameters<typeof agentLevel>[2]): AccessLevel =>
    rule ? agentLevel(rule, agent, grant, nowMs) : "none";
  const before = levelWith(grantOf(agent));
  const after = levelWith(level && { level, expiresAt });
  return {
    ...{ permission: { before: permission, after: permission }, gained: 0, lost: 0, unchanged: 0 },
    [changeOf(before, after)]: 1,
    data: before === after ? [] : [{ agentId, before, after }],
  };
}

async function withPermission(ctx: WorkspaceContext, change: Change & { kind: "permission" }): Promise<Outcome> {
  const { userId } = change;
  const facts = await findFacts(ctx, userId);
  const permission = { before: permissionOf(facts), after: permissionOf(facts, change.permission) };
  const rules = {
    grantee: userId,
    before: userAsSubject(userId, permission.before).rule,
    after: userAsSubject(userId, permission.after).rule,
    nowMs: ctx.clock.now(),
  };
  const outcome: Outcome = { permission, gained: 0, lost: 0, unchanged: 0, data: [] };
  const reader = { ...ctx, renewKeys: onceOnly(ctx.renewKeys) };
  for (let beyondId: string | null = null, isMore = true; isMore; ) {
    const rows: LevelChange[] = await ctx.db.levelChanges({ ...rules, beyondId, take: AGENTS_AT_A_TIME });
    for (const { id: agentId, before, after } of await authenticRows(reader, rows)) {
      outcome[changeOf(before, after)] += 1;
      if (before !== after && outcome.data.length < MAX_SHOWN) outcome.data.push({ agentId, before, after });
    }
    beyondId = rows.at(-1)?.id ?? null;
    isMore = rows.length === AGENTS_AT_A_TIME;
  }
  return outcome;
}

function changeOf(before: AccessLevel, after: AccessLevel): "gained" | "lost" | "unchanged" {
  if (before === after) return "unchanged";
  return ACCESS_LEVELS.indexOf(after) > ACCESS_LEVELS.indexOf(before) ? "gained" : "lost";
}
