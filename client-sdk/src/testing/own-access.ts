import type { OwnAccess } from "../generated/schemas.ts";
import type { WorkspaceCall } from "./enter.ts";
import type { LeveledAgent } from "./server-rules.ts";

/** What the caller is and may do in the workspace. */
export function getOwnAccess({ state, principal, permission, rule, workspaceId }: WorkspaceCall): OwnAccess {
  const { rules } = state;
  const nowMs = state.now();
  const levelOn = (agent: Partial<LeveledAgent>) =>
    rules.agentLevel(rule, { visibility: "workspace", createdBy: null, createdByKeyId: null, ...agent }, null, nowMs);
  const kind = principal.kind === "workspace_api_key" ? "workspace_api_key" : "explicit";
  return {
    workspaceId,
    principal: { kind: principal.kind, id: rules.principalId(principal), userId: rules.actingUserId(principal) },
    permission,
    sources: [{ kind, permission, role: null }],
    levels: {
      workspace: levelOn({}),
      restricted: levelOn({ visibility: "restricted" }),
      own: levelOn(rule.creator ?? {}),
    },
    decision: { source: "database", decidedAt: new Date(nowMs), ageMs: 0 },
    isolation: { workspaceId, verified: true },
  };
}
