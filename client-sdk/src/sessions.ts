import { type CallOptions, type CreateOptions, invoke } from "./call.ts";
import type { WorkspacesSessionsCalls } from "./generated/calls.ts";
import type {
  CreateSessionInput,
  DeletedSession,
  ListSessionsInput,
  Session,
  SessionPage,
  UpdateSessionInput,
} from "./generated/schemas.ts";
import { newIdempotencyKey } from "./idempotency-key.ts";
import { PageRequest } from "./page-request.ts";
import type { MethodsFor } from "./resource.ts";

export type NewSession = Omit<CreateSessionInput, "workspaceId">;
export type SessionChanges = Omit<UpdateSessionInput, "workspaceId" | "sessionId">;
export type SessionFilters = Omit<ListSessionsInput, "workspaceId">;

/** The sessions of one workspace's agents. */
export class Sessions implements MethodsFor<WorkspacesSessionsCalls> {
  readonly #calls: WorkspacesSessionsCalls;
  readonly #workspaceId: string;

  constructor(calls: WorkspacesSessionsCalls, workspaceId: string) {
    this.#calls = calls;
    this.#workspaceId = workspaceId;
  }

  /** Opens a session with an active agent; repeated safely under an idempotency key, the call's own unless one is given. */
  create(session: NewSession, options: CreateOptions = {}): Promise<Session> {
    const input = { ...session, workspaceId: this.#workspaceId };
    const keyed = { ...options, idempotencyKey: options.idempotencyKey ?? newIdempotencyKey() };
    return invoke(keyed, (call) => this.#calls.create.mutate(input, call));
  }

  /** The sessions that the caller can see: awaited, one page; iterated, all of them. */
  list(filters: SessionFilters = {}, options: CallOptions = {}): PageRequest<Session, SessionPage> {
    return new PageRequest((cursor) => {
      const input = { ...filters, cursor, workspaceId: this.#workspaceId };
      return invoke(options, (call) => this.#calls.list.query(input, call));
    }, filters.cursor);
  }

  /** One session. */
  get(sessionId: string, options: CallOptions = {}): Promise<Session> {
    return invoke(options, (call) => this.#calls.get.query(this.#ref(sessionId), call));
  }

  /** Changes the given fields; null clears one, an absent one stays. */
  update(sessionId: string, changes: SessionChanges, options: CallOptions = {}): Promise<Session> {
    return invoke(options, (call) => this.#calls.update.mutate({ ...changes, ...this.#ref(sessionId) }, call));
  }

  /** Deletes a session and its events for good. */
  delete(sessionId: string, options: CallOptions = {}): Promise<DeletedSession> {
    return invoke(options, (call) => this.#calls.delete.mutate(this.#ref(sessionId), call));
  }

  #ref(sessionId: string): { workspaceId: string; sessionId: string } {
    return { workspaceId: this.#workspaceId, sessionId };
  }
}
