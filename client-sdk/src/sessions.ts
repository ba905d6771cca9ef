import { type CallOptions, type CreateOptions, runMutation, runQuery } from "./call.ts";
import type { WorkspacesSessionsCalls } from "./generated/calls.ts";
import type {
  CreateSessionInput,
  DeletedSession,
  ListSessionsInput,
  Session,
  SessionPage,
  UpdateSessionInput,
} from "./generated/schemas.ts";
import { keyed } from "./idempotency-key.ts";
import { listPages, type PageRequest } from "./page-request.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";

export type NewSession = Omit<CreateSessionInput, "workspaceId">;
export type SessionChanges = Omit<UpdateSessionInput, "workspaceId" | "sessionId">;
export type SessionFilters = Omit<ListSessionsInput, "workspaceId">;

/** The sessions of one workspace's agents. */
export class Sessions extends Resource<WorkspacesSessionsCalls, OfWorkspace> implements MethodsFor<WorkspacesSessionsCalls> {
  /** Opens a session with an active agent; repeated safely under an idempotency key, the call's own unless one is given. */
  create(session: NewSession, options: CreateOptions = {}): Promise<Session> {
    const input = { ...session, ...this.owner };
    return runMutation(this.calls.create, input, keyed(options));
  }

  /** The sessions that the caller can see: awaited, one page; iterated, all of them. */
  list(filters: SessionFilters = {}, options: CallOptions = {}): PageRequest<Session, SessionPage> {
    return listPages(this.calls.list, { ...filters, ...this.owner }, options);
  }

  /** One session. */
  get(sessionId: string, options: CallOptions = {}): Promise<Session> {
    return runQuery(this.calls.get, this.#ref(sessionId), options);
  }

  /** Changes the given fields; null clears one, an absent one stays. */
  update(sessionId: string, changes: SessionChanges, options: CallOptions = {}): Promise<Session> {
    return runMutation(this.calls.update, { ...changes, ...this.#ref(sessionId) }, options);
  }

  /** Deletes a session and its events for good. */
  delete(sessionId: string, options: CallOptions = {}): Promise<DeletedSession> {
    return runMutation(this.calls.delete, this.#ref(sessionId), options);
  }

  #ref(sessionId: string): { workspaceId: string; sessionId: string } {
    return { ...this.owner, sessionId };
  }
}
