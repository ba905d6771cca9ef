import { recordAudit } from "../../audit/record.ts";
import { actingUserId } from "../../auth/principal.ts";
import { type BoundaryKeys, signBoundary } from "../../isolation/boundary.ts";
import { agentLevel } from "../../permissions/levels.ts";
import { assertModelAllowed } from "../../permissions/model-policy.ts";
import {
  inTransaction,
  levelRuleOf,
  type TransactionContext,
  type WorkspaceContext,
} from "../../permissions/workspace-context.ts";
import { newId } from "../../shared/ids.ts";
import { comparisonKey } from "../../shared/text.ts";
import { once } from "../once.ts";
import { toAgent } from "./agent-row.ts";
import { nameIsFree } from "./name-is-free.ts";
import type { Agent, CreateAgentInput } from "./schemas.ts";

/** Creates an agent; the audit row and the answer kept for a repeated request commit with it or not at all. */
export function createAgent(ctx: WorkspaceContext, input: CreateAgentInput): Promise<Agent> {
  return inTransaction(ctx, (tx) =>
    once(tx, "agent.create", input, async () => {
      await assertModelAllowed(tx, input);
      // The keys as they stand in this transaction: a row must not be signed with those of a workspace that is gone.
      const keys = await tx.renewKeys(tx.db);
      const agent = await nameIsFree(input.name, () => tx.db.agent.create({ data: newAgent(tx, keys, input) }));
      await recordAudit(tx, { action: "agent.create", target: { kind: "agent", id: agent.id }, after: auditView(input) });
      return toAgent({ ...agent, accessLevel: agentLevel(levelRuleOf(tx), agent, null, tx.clock.now()) });
    }),
  );
}

function newAgent(tx: TransactionContext, keys: BoundaryKeys, input: CreateAgentInput) {
  const { workspaceId: _, metadata, ...fields } = input;
  const { principal, workspaceId } = tx;
  const nowMs = tx.clock.now();
  const id = newId(nowMs);
  const createdAt = new Date(nowMs);
  return {
    ...fields,
    id,
    metadata,
    nameKey: comparisonKey(input.name),
    createdBy: actingUserId(principal),
    createdByKeyId: principal.kind === "personal_api_key" || principal.kind === "workspace_api_key" ? principal.keyId : null,
    createdAt,
    updatedAt: createdAt,
    ...signBoundary(keys, { kind: "agent", workspaceId, id, createdAt }),
  };
}

function auditView({ workspaceId: _, ...fields }: CreateAgentInput): object {
  return fields;
}
