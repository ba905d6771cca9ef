import { type CallOptions, runQuery } from "./call.ts";
import type { WorkspacesAuditCalls } from "./generated/calls.ts";
import type {
  AuditEvent,
  AuditEventPage,
  AuditProof,
  AuditVerification,
  ExportAuditInput,
  ListAuditInput,
  ProveAuditInput,
  VerifyAuditInput,
} from "./generated/schemas.ts";
import { listPages, type PageRequest } from "./page-request.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";

export type AuditFilters = Omit<ListAuditInput, "workspaceId">;

export type AuditExportOptions = Omit<ExportAuditInput, "workspaceId" | "cursor">;
export type AuditProofQuery = Omit<ProveAuditInput, "workspaceId">;
export type AuditVerifyOptions = Omit<VerifyAuditInput, "workspaceId">;

/** The audit log of one workspace, for its admins. */
export class AuditLog extends Resource<WorkspacesAuditCalls, OfWorkspace> implements MethodsFor<WorkspacesAuditCalls> {
  /** The events that the filters let through, newest first: awaited, one page; iterated, all of them. */
  list(filters: AuditFilters = {}, options: CallOptions = {}): PageRequest<AuditEvent, AuditEventPage> {
    return listPages(this.calls.list, { ...filters, ...this.owner }, options);
  }

  /** Has the server check every event of the log; with a checkpoint kept from earlier, also that the log was not cut back. */
  verify(query: AuditVerifyOptions = {}, options: CallOptions = {}): Promise<AuditVerification> {
    return runQuery(this.calls.verify, { ...query, ...this.owner }, options);
  }

  /** Proofs that need no trust in the server; `verifyInclusion` and `verifyConsistency` check them. */
  proof(query: AuditProofQuery, options: CallOptions = {}): Promise<AuditProof> {
    return runQuery(this.calls.proof, { ...query, ...this.owner }, options);
  }

  /** The log as a file, piece by piece; each piece is a call of its own. `verifyExport` checks it. */
  async *export(query: AuditExportOptions = {}, options: CallOptions = {}): AsyncGenerator<string, void, undefined> {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const input: ExportAuditInput = { ...query, ...this.owner, ...(cursor !== undefined && { cursor }) };
      const { text, nextCursor } = await runQuery(this.calls.export, input, options);
      yield text;
      cursor = nextCursor;
    }
  }
}
