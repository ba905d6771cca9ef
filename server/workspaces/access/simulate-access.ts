import { ACCESS_LEVELS, type AccessLevel, agentLevel } from "../../permissions/levels.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { agentNotFound } from "../../shared/errors.ts";
import { authenticRows, grantOf } from "../agents/agent-row.ts";
import type { AccessSimulation, SimulateAccessInput } from "./schemas.ts";
import { findFacts, permissionOf, userAsSubject } from "./subject.ts";

type Change = SimulateAccessInput["change"];
type Outcome = Pick<AccessSimulation, "permission" | "gained" | "lost" | "unchanged" | "data">;

const MAX_SHOWN = 100;

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
  const rows = await ctx.db.agentsById({ ids: [agentId], grantee: userId, areDeletedIncluded: false });
  const [agent] = await authenticRows(ctx, rows);
  if (!agent) throw agentNotFound();
  const permission = permissionOf(await findFacts(ctx, userId));
  const { rule } = userAsSubject(userId, permission);
  const nowMs = ctx.clock.now();
  const levelWith = (grant: Parameters<typeof agentLevel>[2]): AccessLevel =>
    rule ? agentLevel(rule, agent, grant, nowMs) : "none";
  const before = levelWith(grantOf(agent));
  const after = levelWith(level && { level, expiresAt });
  const rise = ACCESS_LEVELS.indexOf(after) - ACCESS_LEVELS.indexOf(before);
  return {
    permission: { before: permission, after: permission },
    gained: rise > 0 ? 1 : 0,
    lost: rise < 0 ? 1 : 0,
    unchanged: rise === 0 ? 1 : 0,
    data: rise === 0 ? [] : [{ agentId, before, after }],
  };
}

async function withPermission(ctx: WorkspaceContext, change: Change & { kind: "permission" }): Promise<Outcome> {
  const { userId } = change;
  const facts = await findFacts(ctx, userId);
  const permission = { before: permissionOf(facts), after: permissionOf(facts, change.permission) };
  const changes = await ctx.db.levelChanges({
    grantee: userId,
    before: userAsSubject(userId, permission.before).rule,
    after: userAsSubject(userId, permission.after).rule,
    nowMs: ctx.clock.now(),
    take: MAX_SHOWN,
  });
  return { permission, ...changes };
}
