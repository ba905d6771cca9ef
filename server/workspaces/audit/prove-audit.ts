import { proveLog } from "../../audit/prove-log.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { AuditProof, ProveAuditInput } from "./proof-schemas.ts";

/** Proofs about the workspace's audit log, for whoever does not trust it. */
export async function proveAudit(ctx: WorkspaceContext, input: ProveAuditInput): Promise<AuditProof> {
  const { workspaceId, auditLogSeal, db } = ctx;
  const { workspaceId: _, ...query } = input;
  const proof = await proveLog(db, query);
  return { ...proof, publicKeys: auditLogSeal.keys.publicKeysOf(workspaceId), isolation: { workspaceId, verified: true } };
}
