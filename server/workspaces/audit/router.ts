import { workspaceProcedure } from "../../trpc/procedures.ts";
import { exportAudit } from "./export-audit.ts";
import { listAudit } from "./list-audit.ts";
import {
  AuditExportChunk,
  AuditProof,
  AuditVerification,
  ExportAuditInput,
  ProveAuditInput,
  VerifyAuditInput,
} from "./proof-schemas.ts";
import { proveAudit } from "./prove-audit.ts";
import { AuditEventPage, ListAuditInput } from "./schemas.ts";
import { verifyAudit } from "./verify-audit.ts";

export const auditRouter = {
  list: workspaceProcedure("audit:list", "Lists what was done and refused in the workspace, newest first.")
    .input(ListAuditInput)
    .output(AuditEventPage)
    .query(({ ctx, input }) => listAudit(ctx, input)),

  export: workspaceProcedure("audit:export", "Returns the next piece of the audit log as a file that proves itself.")
    .input(ExportAuditInput)
    .output(AuditExportChunk)
    .query(({ ctx, input }) => exportAudit(ctx, input)),

  verify: workspaceProcedure("audit:verify", "Checks every event of the audit log against what was sealed and signed.")
    .input(VerifyAuditInput)
    .output(AuditVerification)
    .query(({ ctx, input }) => verifyAudit(ctx, input)),

  proof: workspaceProcedure("audit:prove", "Proves that an event is in the audit log, or that the log began as an earlier one.")
    .input(ProveAuditInput)
    .output(AuditProof)
    .query(({ ctx, input }) => proveAudit(ctx, input)),
};
