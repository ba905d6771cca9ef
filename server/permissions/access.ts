import { LRUCache } from "lru-cache";
import type { Binding } from "../db/binding.ts";
import type { SimFeatures } from "../db/sim-features.ts";
import type { SimReader } from "../db/sim-reader.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import { guardedBinding, type Proven } from "./guard.ts";
import type { WorkspacePermission } from "./levels.ts";
import { loadPermission } from "./load-permission.ts";

const MAX_WORKSPACES_PER_CALLER = 200;
const JITTER = 0.2;

/** A permission that was decided, with the client whose every statement checks that it still holds. */
export interface Access {
  readonly workspaceId: string;
  readonly permission: WorkspacePermission;
  readonly db: WorkspaceDb;
}

/** The decisions remembered for one caller, by workspace. */
export type AccessMemory = LRUCache<string, Access>;

export function createAccessMemory(): AccessMemory {
  return new LRUCache({ max: MAX_WORKSPACES_PER_CALLER });
}

/**
 * The caller's access to a workspace. A remembered one may be out of date, which its client finds out at its first
 * statement; `isFresh` decides on the tables as they stand.
 *
 * @throws AppError as loadPermission does
 */
export type ResolveAccess = (
  caller: Proven & { memory: AccessMemory },
  workspaceId: string,
  isFresh: boolean,
) => Promise<Access & { isRemembered: boolean }>;

/** Decides on Sim's tables, and remembers what was granted for `ttlMs` less up to a fifth; a refusal is never remembered. */
export function createAccessResolver(options: {
  sim: SimReader;
  features: SimFeatures;
  ttlMs: number;
  openWorkspace(binding: Binding): WorkspaceDb;
  random?: () => number;
}): ResolveAccess {
  const { sim, features, ttlMs, openWorkspace, random = Math.random } = options;
  return async (caller, workspaceId, isFresh) => {
    const { memory } = caller;
    const remembered = isFresh ? undefined : memory.get(workspaceId);
    if (remembered && remembered.workspaceId === workspaceId) return { ...remembered, isRemembered: true };
    memory.delete(workspaceId);
    const permission = await loadPermission(sim, features, caller, workspaceId);
    const access: Access = {
      workspaceId,
      permission,
      db: openWorkspace(guardedBinding(caller, workspaceId, permission, features)),
    };
    if (ttlMs > 0) memory.set(workspaceId, access, { ttl: Math.max(1, ttlMs * (1 - JITTER * random())) });
    return { ...access, isRemembered: false };
  };
}
