import type { Authentication, Principal } from "../auth/principal.ts";

/** A principal with the proof of its credential. */
export type Proven = Pick<Authentication, "principal" | "proof">;

/**
 * What is kept of principals in workspaces, as nested maps: by workspace, by the principal's kind, by its id. No ids are
 * joined into one text, so none can be read as another pair's.
 */
export class PrincipalMap<Value> {
  readonly #workspaces = new Map<string, Map<Principal["kind"], Map<string, Value>>>();

  get(workspaceId: string, principal: Principal): Value | undefined {
    return this.#workspaces.get(workspaceId)?.get(principal.kind)?.get(idOf(principal));
  }

  set(workspaceId: string, principal: Principal, value: Value): void {
    const kinds = this.#workspaces.get(workspaceId) ?? new Map<Principal["kind"], Map<string, Value>>();
    const values = kinds.get(principal.kind) ?? new Map<string, Value>();
    values.set(idOf(principal), value);
    kinds.set(principal.kind, values);
    this.#workspaces.set(workspaceId, kinds);
  }

  /** Whether there was something to delete. */
  delete(workspaceId: string, principal: Principal): boolean {
    const kinds = this.#workspaces.get(workspaceId);
    const values = kinds?.get(principal.kind);
    if (!kinds || !values?.delete(idOf(principal))) return false;
    if (values.size === 0) kinds.delete(principal.kind);
    if (kinds.size === 0) this.#workspaces.delete(workspaceId);
    return true;
  }

  /** How many a workspace has. */
  sizeOf(workspaceId: string): number {
    let size = 0;
    for (const values of this.#workspaces.get(workspaceId)?.values() ?? []) size += values.size;
    return size;
  }

  /** The oldest of the kind that a workspace has most of. */
  oldestOf(workspaceId: string): Value | undefined {
    let largest: Map<string, Value> | undefined;
    for (const values of this.#workspaces.get(workspaceId)?.values() ?? []) {
      if (!largest || values.size > largest.size) largest = values;
    }
    const [oldest] = largest?.values() ?? [];
    return oldest;
  }

  /** The workspace that has been here for longest. */
  eldestWorkspace(): string | undefined {
    const [eldest] = this.#workspaces.keys();
    return eldest;
  }

  *values(): Generator<Value> {
    for (const kinds of this.#workspaces.values()) {
      for (const values of kinds.values()) yield* values.values();
    }
  }
}

/** Whether two are the same principal in every respect. */
export function isSamePrincipal(one: Principal, other: Principal): boolean {
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
