import { proveLog } from "../../audit/prove-log.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { AuditProof, ProveAuditInput } from "./proof-schemas.ts";

/** Proofs about the workspace's audit log, for whoever does not trust it. */
export async function proveAudit(ctx: WorkspaceContext, input: ProveAuditInput): Promise<AuditProof> {
  const { workspaceId, auditLogSeal, db } = ctx;
  const { workspaceId: _, ...query } = input;
  const seal = () => auditLogSeal.seal(workspaceId);
  const proof = await auditLogSeal.walk(workspaceId, () => proveLog(db, query, seal));
  return { ...proof, publicKeys: auditLogSeal.keys.publicKeysOf(workspaceId), isolation: { workspaceId, verified: true } };
}
