import { workspaceProcedure } from "../../trpc/procedures.ts";
import { listAudit } from "./list-audit.ts";
import { AuditEventPage, ListAuditInput } from "./schemas.ts";

export const auditRouter = {
  list: workspaceProcedure("audit:list", "Lists what was done and refused in the workspace, newest first.")
    .input(ListAuditInput)
    .output(AuditEventPage)
    .query(({ ctx, input }) => listAudit(ctx, input)),
};
