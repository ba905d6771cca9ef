import type { Authentication, Principal } from "../auth/principal.ts";

/** A principal with the proof of its credential. */
export type Proven = Pick<Authentication, "principal" | "proof">;

/**
 * What is kept of principals in workspaces, as nested maps: by workspace, by the principal's kind, by its id. No ids are
 * joined into one text, so none can be read as another pair's.
 */
export class PrincipalMap<Value> {
  readonly #workspaces = new Map<string, Kinds<Value>>();

  get(workspaceId: string, principal: Principal): Value | undefined {
    const kinds = this.#workspaces.get(workspaceId);
    return kinds && valuesOf(kinds, principal.kind)?.get(idOf(principal));
  }

  set(workspaceId: string, principal: Principal, value: Value): void {
    let kinds = this.#workspaces.get(workspaceId);
    if (!kinds) {
      kinds = { session: null, personal_api_key: null, workspace_api_key: null, internal: null };
      this.#workspaces.set(workspaceId, kinds);
    }
    kinds[principal.kind] ??= new Map();
    kinds[principal.kind]?.set(idOf(principal), value);
  }

  /** Whether there was something to delete. */
  delete(workspaceId: string, principal: Principal): boolean {
    const kinds = this.#workspaces.get(workspaceId);
    if (!kinds?.[principal.kind]?.delete(idOf(principal))) return false;
    if (this.sizeOf(workspaceId) === 0) this.#workspaces.delete(workspaceId);
    return true;
  }

  /** How many a workspace has. */
  sizeOf(workspaceId: string): number {
    let size = 0;
    for (const values of Object.values(this.#workspaces.get(workspaceId) ?? {})) size += values?.size ?? 0;
    return size;
  }

  /** The oldest of the kind that a workspace has most of. */
  oldestOf(workspaceId: string): Value | undefined {
    let largest: Map<string, Value> | null = null;
    for (const values of Object.values(this.#workspaces.get(workspaceId) ?? {})) {
      if (values && values.size > (largest?.size ?? 0)) largest = values;
    }
    const [oldest] = largest?.values() ?? [];
    return oldest;
  }

  /** The workspace that has been here for longest. */
  eldestWorkspace(): string | undefined {
    const [eldest] = this.#workspaces.keys();
    return eldest;
  }

  /** Of all workspaces, or of one. */
  *values(workspaceId?: string): Generator<Value> {
    const ofOne = workspaceId === undefined ? undefined : this.#workspaces.get(workspaceId);
    const meant = workspaceId === undefined ? this.#workspaces.values() : ofOne ? [ofOne] : [];
    for (const kinds of meant) {
      for (const values of Object.values(kinds)) if (values) yield* values.values();
    }
  }
}

/** A workspace, a user, or a user in a workspace; everything where neither is given. */
export interface Scope {
  workspaceId?: string | undefined;
  userId?: string | undefined;
}

export function isInScope(scope: Scope, workspaceId: string, principal: Principal): boolean {
  if (scope.workspaceId !== undefined && workspaceId !== scope.workspaceId) return false;
  return scope.userId === undefined || ("userId" in principal && principal.userId === scope.userId);
}

/** What a workspace has of each kind; an object of one shape, since a map of four would be one look-up more. */
type Kinds<Value> = { [Kind in Principal["kind"]]: Map<string, Value> | null };

/** By name and not by key: four ways that the engine knows, instead of one that it looks up. */
function valuesOf<Value>(kinds: Kinds<Value>, kind: Principal["kind"]): Map<string, Value> | null {
  switch (kind) {
    case "session":
      return kinds.session;
    case "personal_api_key":
      return kinds.personal_api_key;
    case "workspace_api_key":
      return kinds.workspace_api_key;
    case "internal":
      return kinds.internal;
  }
}

/** Whether two are the same principal in every respect. */
export function isSamePrincipal(one: Principal, other: Principal): boolean {
  if (one === other) return true;
  switch (one.kind) {
    case "session":
      return other.kind === "session" && one.sessionId === other.sessionId && one.userId === other.userId;
    case "personal_api_key":
      return other.kind === "personal_api_key" && one.keyId === other.keyId && one.userId === other.userId;
    case "workspace_api_key":
      return other.kind === "workspace_api_key" && one.keyId === other.keyId && one.workspaceId === other.workspaceId;
    case "internal":
      return other.kind === "internal" && one.userId === other.userId;
  }
}

/** What tells the principals of one kind apart. */
function idOf(principal: Principal): string {
  switch (principal.kind) {
    case "session":
      return principal.sessionId;
    case "personal_api_key":
    case "workspace_api_key":
      return principal.keyId;
    case "internal":
      return principal.userId ?? "";
  }
}
