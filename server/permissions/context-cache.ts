import type { WorkspaceDb } from "../db/workspace-db.ts";
import type { WorkspacePermission } from "./levels.ts";
import { isInScope, isSamePrincipal, PrincipalMap, type Proven, type Scope } from "./principal-map.ts";

/** An entry holds a client, and Prisma's part of one takes some 40 KB once it is used: the bound is one of memory. */
const MAX_ENTRIES = 10_000;
/** No workspace, however many people are in it, drives the others out. */
const MAX_ENTRIES_PER_WORKSPACE = 1_000;
const JITTER = 0.2;

/** A permission that was decided, with the client whose every statement checks that it still holds. */
export interface Access {
  readonly workspaceId: string;
  readonly permission: WorkspacePermission;
  readonly db: WorkspaceDb;
  /** When it was decided, on the server's clock. */
  readonly decidedAtMs: number;
}

/** A decision that is remembered, with what it was asked for. */
export interface Remembered extends Readonly<Proven> {
  readonly access: Access;
  readonly endsAt: number;
}

export interface ContextCacheOptions {
  ttlMs: number;
  maxEntries?: number;
  maxEntriesPerWorkspace?: number;
  /** Milliseconds that never go back. */
  monotonicMs?: () => number;
  random?: () => number;
}

/**
 * Permissions that were granted, by workspace and principal: nested maps, so that no two ids can be read as another pair.
 * A refusal is not kept here, nor anywhere: nothing but a statement on Sim's tables could tell whether it still holds,
 * and that costs what the decision costs; so a permission that is given is seen at once, and probing fills nothing.
 */
export class ContextCache {
  readonly #entries = new PrincipalMap<Remembered>();
  readonly #options: Required<ContextCacheOptions>;
  #size = 0;
  #strangers = 0;
  /** How often a permission was asked for that was remembered, and that was not. */
  readonly counters = { hit: 0, miss: 0 };

  constructor(options: ContextCacheOptions) {
    this.#options = {
      maxEntries: MAX_ENTRIES,
      maxEntriesPerWorkspace: MAX_ENTRIES_PER_WORKSPACE,
      monotonicMs: () => performance.now(),
      random: Math.random,
      ...options,
    };
  }

  get size(): number {
    return this.#size;
  }

  /** Entries that were found in another's place; anything but 0 is a defect of this cache. */
  get strangers(): number {
    return this.#strangers;
  }

  /** What is remembered for exactly this caller and workspace. */
  find(caller: Proven, workspaceId: string): Access | undefined {
    const found = this.#entries.get(workspaceId, caller.principal);
    if (found && found.endsAt > this.#options.monotonicMs() && this.#isFor(found, caller, workspaceId)) {
      this.counters.hit++;
      return found.access;
    }
    this.counters.miss++;
    if (found) this.forget(caller, workspaceId);
    return undefined;
  }

  /** Remembers a granted permission, in the place of what was there; where it is full, the oldest give way. */
  keep({ principal, proof }: Proven, access: Access): void {
    const { ttlMs, maxEntries, maxEntriesPerWorkspace, monotonicMs, random } = this.#options;
    const { workspaceId } = access;
    if (ttlMs <= 0) return;
    this.forget({ principal }, workspaceId);
    if (this.#entries.sizeOf(workspaceId) >= maxEntriesPerWorkspace) this.#dropOldest(workspaceId);
    const endsAt = monotonicMs() + Math.max(1, ttlMs * (1 - JITTER * random()));
    this.#entries.set(workspaceId, principal, Object.freeze({ principal, proof, access, endsAt }));
    this.#size += 1;
    while (this.#size > maxEntries) this.#dropOldest(this.#entries.eldestWorkspace());
  }

  forget({ principal }: Pick<Proven, "principal">, workspaceId: string): void {
    if (this.#entries.delete(workspaceId, principal)) this.#size -= 1;
  }

  /** Forgets all of a workspace, of a user, or of a user in a workspace; answers with how many entries that were. */
  clear(scope: Scope): number {
    const meant = [...this.#entries.values(scope.workspaceId)].filter(({ principal, access }) =>
      isInScope(scope, access.workspaceId, principal),
    );
    for (const entry of meant) this.forget(entry, entry.access.workspaceId);
    return meant.length;
  }

  /** The entries that still count, the oldest workspace's first; the others are dropped. */
  entries(): Remembered[] {
    const now = this.#options.monotonicMs();
    const all = [...this.#entries.values()];
    for (const entry of all) if (entry.endsAt <= now) this.forget(entry, entry.access.workspaceId);
    return all.filter(({ endsAt }) => endsAt > now);
  }

  #isFor({ principal, proof, access }: Remembered, asked: Proven, workspaceId: string): boolean {
    if (access.workspaceId !== workspaceId || !isSamePrincipal(principal, asked.principal)) {
      this.#strangers += 1;
      return false;
    }
    // Sim may have put another key or token in the place of the one that this rests on.
    return proof === asked.proof;
  }

  #dropOldest(workspaceId: string | undefined): void {
    const oldest = workspaceId === undefined ? undefined : this.#entries.oldestOf(workspaceId);
    if (oldest) this.forget(oldest, oldest.access.workspaceId);
    else throw new Error("The cache counts more entries than it holds");
  }
}
