import { ACCESS_LEVELS, levelRule, permissionSatisfies, WORKSPACE_PERMISSIONS } from "../../permissions/levels.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { AppError } from "../../shared/errors.ts";
import { authenticRows } from "../agents/agent-row.ts";
import { concealed, decideOperation, type Question, type Verdict } from "./decide-operation.ts";
import type { AccessExplanation, ExplainAccessInput } from "./schemas.ts";
import { callerAsSubject, findFacts, permissionOf, type Subject, userAsSubject } from "./subject.ts";

/**
 * Why the caller may or may not do something, and what would have sufficed; of what is hidden from it nothing, as of what
 * is not there. An admin, from whom nothing is hidden, may ask about another user.
 *
 * @throws AppError FORBIDDEN where another than an admin asks about another
 */
export async function explainAccess(ctx: WorkspaceContext, input: ExplainAccessInput): Promise<AccessExplanation> {
  const { operation } = input.question;
  const agentId = "agentId" in input.question ? input.question.agentId : undefined;
  const subject = await subjectOf(ctx, input.userId);
  const isOfAnother = subject.userId !== callerAsSubject(ctx).userId;
  const rows = await ctx.db.agentsById({
    ids: agentId === undefined ? [] : [agentId],
    grantee: subject.userId,
    view: null,
    areDeletedIncluded: true,
  });
  const [agent] = await authenticRows(ctx, rows);
  const question = { subject, operation, agent, nowMs: ctx.clock.now(), retentionMs: ctx.settings.agentRetentionMs };
  const decided = decideOperation(question);
  const verdict = isOfAnother ? decided : concealed(decided);
  return {
    operation,
    agentId: agentId ?? null,
    ...verdict,
    userId: subject.userId,
    permission: subject.permission,
    sufficient: sufficientFor(question, verdict),
    isolation: { workspaceId: ctx.workspaceId, verified: true },
  };
}

async function subjectOf(ctx: WorkspaceContext, userId: string | undefined): Promise<Subject> {
  const caller = callerAsSubject(ctx);
  if (userId === undefined || userId === caller.userId) return caller;
  if (!permissionSatisfies(ctx.permission, "admin")) {
    // No statement was made yet, so that a remembered permission might not hold any longer.
    await ctx.db.confirm();
    throw new AppError("FORBIDDEN", `To ask about another user needs the permission "admin"; yours is "${ctx.permission}"`, {
      details: { code: "INSUFFICIENT_WORKSPACE_ROLE", required: "admin", actual: ctx.permission },
    });
  }
  return userAsSubject(userId, permissionOf(await findFacts(ctx, userId)));
}

/** Each single change after which the answer would be another, found by deciding again with it. */
function sufficientFor(question: Question, { allowed, rule }: Verdict): AccessExplanation["sufficient"] {
  if (allowed || rule === "not_found") return [];
  const { subject, agent } = question;
  const { userId } = subject;
  const isAllowed = (changed: Partial<Question>) => decideOperation({ ...question, ...changed }).allowed;
  if (userId === null) return [];
  const permission = WORKSPACE_PERMISSIONS.find(
    (value) =>
      !permissionSatisfies(subject.permission, value) &&
      isAllowed({ subject: { userId, permission: value, rule: levelRule({ permission: value, userId, keyId: null }) } }),
  );
  const level = agent && ACCESS_LEVELS.find((grantLevel) => isAllowed({ agent: { ...agent, grantLevel, grantExpiresAt: null } }));
  const isHeldBack = agent !== undefined && agent.grantLevel !== null && isAllowed({ agent: { ...agent, grantLevel: null } });
  return [
    ...(permission ? [{ kind: "permission" as const, value: permission }] : []),
    ...(level ? [{ kind: "grant" as const, value: level }] : []),
    ...(isHeldBack ? [{ kind: "grant_removed" as const, value: null }] : []),
  ];
}
