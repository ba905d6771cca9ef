import type { FetchLike } from "../client-options.ts";
import { SERVER_RULES } from "../generated/server-rules.ts";
import type { Answers, Given } from "./answers.ts";
import { createFakeFetch } from "./fake-fetch.ts";
import type { AnswerablePath } from "./procedures.ts";
import type { Principal, WorkspacePermission } from "./server-rules.ts";
import { createChanges, emptyTables, type FakeParts, type State, type Tables, type WorkspaceState } from "./state.ts";

export interface FakeServerOptions {
  /** The time in milliseconds since 1970, for all that is dated and all that ends; the machine's own unless given. */
  now?: () => number;
}

export interface NewWorkspace {
  /** One of its own unless given. */
  id?: string | undefined;
  /** The permissions of its users by their ids. */
  members?: Record<string, WorkspacePermission> | undefined;
  /** True unless given. */
  allowsPersonalApiKeys?: boolean | undefined;
}

/** The server in memory, as one caller after the other meets it, and what in Sim stands beside it. */
export interface FakeServer {
  /** To be given to createClient; any baseUrl will do. */
  readonly fetch: FetchLike;
  /** A workspace with nothing in it; answers with its id. */
  addWorkspace(workspace?: NewWorkspace): string;
  /** The workspace is gone, with all that it held and its keys. */
  removeWorkspace(workspaceId: string): void;
  /** The user has this permission in the workspace from now on, or none, and then no grant there either. */
  setPermission(workspaceId: string, userId: string, permission: WorkspacePermission | null): void;
  /** A new personal API key of a user's, or one of a workspace. */
  addApiKey(owner: { userId: string } | { workspaceId: string }): string;
  /** A new token that stands for a user's session in Sim. */
  addToken(userId: string): string;
  /** An API key or token is good no longer. */
  revoke(credential: string): void;
  /**
   * What a procedure answers from now on, in the fake's own place where it has one. What a function throws of this
   * package's errors is what the call is refused with.
   */
  answer<Path extends AnswerablePath>(path: Path, answer: Given<Path>): void;
  /** Ends every stream and wait; calls are refused from now on. */
  close(): void;
}

/** A fake of the server for tests: no database, no network, no port. */
export function createFakeServer({ now = Date.now }: FakeServerOptions = {}): FakeServer {
  const tables = new Map<string, Tables>();
  return createFakeServerWith({
    rules: SERVER_RULES,
    // As ids and dates are: of whole milliseconds.
    now: () => Math.floor(now()),
    tablesOf(workspaceId) {
      const found = tables.get(workspaceId) ?? emptyTables();
      tables.set(workspaceId, found);
      return found;
    },
  });
}

/** createFakeServer of other parts. */
export function createFakeServerWith(parts: FakeParts): FakeServer {
  const state: State = { ...parts, workspaces: new Map(), credentials: new Map(), changes: createChanges(), isClosed: false };
  const answers: Answers = new Map();
  const newId = () => parts.rules.newId(parts.now());
  const workspaceOf = (id: string): WorkspaceState => {
    const workspace = state.workspaces.get(id);
    if (!workspace) throw new Error(`There is no workspace ${id}; make it with addWorkspace`);
    return workspace;
  };
  const addCredential = (credential: string, principal: Principal) => {
    state.credentials.set(credential, principal);
    return credential;
  };
  return {
    fetch: createFakeFetch(state, answers),
    addWorkspace({ id = newId(), members = {}, allowsPersonalApiKeys = true } = {}) {
      if (state.workspaces.has(id)) throw new Error(`There is a workspace ${id} already`);
      state.workspaces.set(id, { id, allowsPersonalApiKeys, permissions: new Map(Object.entries(members)) });
      return id;
    },
    removeWorkspace(workspaceId) {
      workspaceOf(workspaceId);
      for (const table of Object.values(parts.tablesOf(workspaceId))) table.clear();
      for (const [credential, principal] of state.credentials) {
        if (principal.kind === "workspace_api_key" && principal.workspaceId === workspaceId) state.credentials.delete(credential);
      }
      state.workspaces.delete(workspaceId);
      state.changes.announce();
    },
    setPermission(workspaceId, userId, permission) {
      const { permissions } = workspaceOf(workspaceId);
      if (permission !== null) permissions.set(userId, permission);
      else {
        permissions.delete(userId);
        for (const { grants } of parts.tablesOf(workspaceId).agents.values()) grants.delete(userId);
      }
      state.changes.announce();
    },
    addApiKey(owner) {
      const keyId = newId();
      if ("workspaceId" in owner) workspaceOf(owner.workspaceId);
      return addCredential(
        `sk-sim-fake-${keyId}`,
        "userId" in owner
          ? { kind: "personal_api_key", userId: owner.userId, keyId }
          : { kind: "workspace_api_key", workspaceId: owner.workspaceId, keyId },
      );
    },
    addToken(userId) {
      const sessionId = newId();
      return addCredential(`fake-session-${sessionId}`, { kind: "session", userId, sessionId });
    },
    revoke(credential) {
      if (!state.credentials.delete(credential)) throw new Error("There is no such API key or token");
      state.changes.announce();
    },
    answer(path, answer) {
      answers.set(path, typeof answer === "function" ? (answer as (input: unknown) => unknown) : () => answer);
    },
    close() {
      state.isClosed = true;
      state.changes.announce();
    },
  };
}
