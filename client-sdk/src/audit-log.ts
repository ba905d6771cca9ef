import { type CallOptions, invoke } from "./call.ts";
import type { WorkspacesAuditCalls } from "./generated/calls.ts";
import type { AuditEvent, AuditEventPage, ListAuditInput } from "./generated/schemas.ts";
import { PageRequest } from "./page-request.ts";
import type { MethodsFor } from "./resource.ts";

export type AuditFilters = Omit<ListAuditInput, "workspaceId">;

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
}
