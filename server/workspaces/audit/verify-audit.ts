import { verifyLog } from "../../audit/verify-log.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { AuditVerification, VerifyAuditInput } from "./proof-schemas.ts";

/** Checks the workspace's whole audit log against what was sealed and signed. */
export async function verifyAudit(ctx: WorkspaceContext, input: VerifyAuditInput): Promise<AuditVerification> {
  const { workspaceId, auditLogSeal, db } = ctx;
  const { keys } = auditLogSeal;
  const publicKeys = keys.publicKeysOf(workspaceId);
  const found = await auditLogSeal.walk(workspaceId, () => {
    const known = auditLogSeal.known(workspaceId);
    return verifyLog(db, { workspaceId, keys, checkpoint: input.checkpoint, known });
  });
  return { ...found, publicKey: publicKeys[0] ?? "", publicKeys, isolation: { workspaceId, verified: true } };
}
