import type { Grant, GrantEntry, RemovedGrant } from "../generated/schemas.ts";
import { loadAgent } from "./agents.ts";
import type { WorkspaceCall } from "./enter.ts";
import { byValue, pageOf } from "./page.ts";
import type { InputOf } from "./procedures.ts";

export function listGrants(call: WorkspaceCall, input: InputOf<"workspaces.agents.grants.list">) {
  const { agentId, limit, cursor, sortBy, sortOrder } = input;
  const agent = loadAgent(call, agentId, "grant:list");
  return pageOf(call, agent.grants.values(), {
    query: { workspaceId: call.workspaceId, grantsOf: agentId, sortBy, sortOrder },
    ...{ limit, cursor },
    kind: "text and Sim's id",
    keysetOf: ({ userId }) => ({ value: "", id: userId }),
    compare: byValue(sortOrder),
  });
}

/** @throws NOT_FOUND where the user has no permission in the workspace */
export function setGrant(call: WorkspaceCall, input: InputOf<"workspaces.agents.grants.set">): Grant {
  const { agentId, userId, level, expiresAt } = input;
  const { state, principal, workspaceId } = call;
  const agent = loadAgent(call, agentId, "grant:set");
  if (!state.workspaces.get(workspaceId)?.permissions.has(userId)) throw state.rules.userNotFound();
  const isolation = { workspaceId, verified: true };
  const before = agent.grants.get(userId);
  if (before?.level === level && before.expiresAt?.getTime() === expiresAt?.getTime()) return { ...before, isolation };
  const updatedAt = new Date(state.now());
  const grant: GrantEntry = {
    ...{ agentId, userId, level, expiresAt },
    grantedBy: state.rules.actingUserId(principal),
    createdAt: before?.createdAt ?? updatedAt,
    updatedAt,
  };
  agent.grants.set(userId, grant);
  return { ...grant, isolation };
}

/** @throws NOT_FOUND where the user has no grant on the agent */
export function removeGrant(call: WorkspaceCall, { agentId, userId }: InputOf<"workspaces.agents.grants.remove">): RemovedGrant {
  const agent = loadAgent(call, agentId, "grant:remove");
  if (!agent.grants.delete(userId)) throw new call.state.rules.AppError("NOT_FOUND", "Grant not found");
  return { agentId, userId, isolation: { workspaceId: call.workspaceId, verified: true } };
}
