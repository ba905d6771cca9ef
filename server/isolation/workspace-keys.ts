import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import { type BoundaryKeys, deriveBoundaryKeys } from "./boundary.ts";

const SALT_BYTES = 32;
const MAX_WORKSPACES = 10_000;

/** Finds a workspace's boundary keys, making its state row at the workspace's first use. */
export type FindWorkspaceKeys = (workspaceId: string, db: WorkspaceDb) => Promise<BoundaryKeys>;

/** Keeps derived keys in memory for as long as a caller could use them without a look at the database. */
export function createWorkspaceKeys(rootSecrets: readonly string[], ttlMs: number): FindWorkspaceKeys {
  const known = new LRUCache<string, BoundaryKeys>({ max: MAX_WORKSPACES, ttl: Math.max(ttlMs, 1) });
  return async (workspaceId, db) => {
    const cached = known.get(workspaceId);
    if (cached) return cached;
    const keys = deriveBoundaryKeys(rootSecrets, await loadSalt(db));
    known.set(workspaceId, keys);
    return keys;
  };
}

async function loadSalt(db: WorkspaceDb): Promise<Uint8Array> {
  const state = await db.workspaceState.findFirst({ select: { keySalt: true } });
  if (state) return state.keySalt;
  await db.workspaceState.createMany({ data: [{ keySalt: randomBytes(SALT_BYTES) }], skipDuplicates: true });
  const created = await db.workspaceState.findFirst({ select: { keySalt: true } });
  if (!created) throw new Error("The workspace's state could not be made");
  return created.keySalt;
}
