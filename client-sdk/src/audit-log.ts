import { type CallOptions, invoke } from "./call.ts";
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
import { PageRequest } from "./page-request.ts";
import type { MethodsFor } from "./resource.ts";

export type AuditFilters = Omit<ListAuditInput, "workspaceId">;

export type AuditExportOptions = Omit<ExportAuditInput, "workspaceId" | "cursor">;
export type AuditProofQuery = Omit<ProveAuditInput, "workspaceId">;
export type AuditVerifyOptions = Omit<VerifyAuditInput, "workspaceId">;

/** The audit log of one workspace, for its admins. */
export class AuditLog implements MethodsFor<WorkspacesAuditCalls> {
  readonly #calls: WorkspacesAuditCalls;
  readonly #workspaceId: string;

  constructor(calls: WorkspacesAuditCalls, workspaceId: string) {
    this.#calls = calls;
    this.#workspaceId = workspaceId;
  }

  /** The events that the filters let through, newest first: awaited, one page; iterated, all of them. */
  list(filters: AuditFilters = {}, options: CallOptions = {}): PageRequest<AuditEvent, AuditEventPage> {
    return new PageRequest((cursor) => {
      const input = { ...filters, cursor, workspaceId: this.#workspaceId };
      return invoke(options, (call) => this.#calls.list.query(input, call));
    }, filters.cursor);
  }

  /** Has the server check every event of the log; with a checkpoint kept from earlier, also that the log was not cut back. */
  verify(query: AuditVerifyOptions = {}, options: CallOptions = {}): Promise<AuditVerification> {
    return invoke(options, (call) => this.#calls.verify.query({ ...query, workspaceId: this.#workspaceId }, call));
  }

  /** Proofs that need no trust in the server; `verifyInclusion` and `verifyConsistency` check them. */
  proof(query: AuditProofQuery, options: CallOptions = {}): Promise<AuditProof> {
    return invoke(options, (call) => this.#calls.proof.query({ ...query, workspaceId: this.#workspaceId }, call));
  }

  /** The log as a file, piece by piece; each piece is a call of its own. `verifyExport` checks it. */
  async *export(query: AuditExportOptions = {}, options: CallOptions = {}): AsyncGenerator<string, void, undefined> {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const input: ExportAuditInput = { ...query, workspaceId: this.#workspaceId, ...(cursor !== undefined && { cursor }) };
      const { text, nextCursor } = await invoke(options, (call) => this.#calls.export.query(input, call));
      yield text;
      cursor = nextCursor;
    }
  }
}
