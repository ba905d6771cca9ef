import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { WorkspaceTransaction } from "../db/workspace-db.ts";
import { type BoundaryKeys, deriveBoundaryKeys } from "./boundary.ts";

const SALT_BYTES = 32;
const MAX_WORKSPACES = 10_000;

type StateReader = Pick<WorkspaceTransaction, "workspaceState">;

/** The boundary keys of workspaces. */
export interface WorkspaceKeys {
  /** As remembered, or as the workspace's state has them; its state row is made at its first use. */
  find(workspaceId: string, db: StateReader): Promise<BoundaryKeys>;
  /** As the workspace's state has them at this moment: a workspace that was deleted and came back has others. */
  renew(workspaceId: string, db: StateReader): Promise<BoundaryKeys>;
  /** Forgets a workspace's keys, or all; answers with how many were remembered. */
  forget(workspaceId: string | undefined): number;
}

/** Keeps derived keys in memory for `ttlMs`. */
export function createWorkspaceKeys(rootSecrets: readonly string[], ttlMs: number): WorkspaceKeys {
  const known = new LRUCache<string, BoundaryKeys>({ max: MAX_WORKSPACES, ttl: Math.max(ttlMs, 1) });
  const renew = async (workspaceId: string, db: StateReader) => {
    const keys = deriveBoundaryKeys(rootSecrets, await loadSalt(db));
    known.set(workspaceId, keys);
    return keys;
  };
  return {
    find: async (workspaceId, db) => known.get(workspaceId) ?? renew(workspaceId, db),
    renew,
    forget(workspaceId) {
      if (workspaceId !== undefined) return known.delete(workspaceId) ? 1 : 0;
      const { size } = known;
      known.clear();
      return size;
    },
  };
}

/** The keys as the workspace's state has them; null where it has no state, and none is made. */
export async function readBoundaryKeys(rootSecrets: readonly string[], db: StateReader): Promise<BoundaryKeys | null> {
  const state = await db.workspaceState.findFirst({ select: { keySalt: true } });
  return state && deriveBoundaryKeys(rootSecrets, state.keySalt);
}

async function loadSalt(db: StateReader): Promise<Uint8Array> {
  const state = await db.workspaceState.findFirst({ select: { keySalt: true } });
  if (state) return state.keySalt;
  await db.workspaceState.createMany({ data: [{ keySalt: randomBytes(SALT_BYTES) }], skipDuplicates: true });
  const created = await db.workspaceState.findFirst({ select: { keySalt: true } });
  if (!created) throw new Error("The workspace's state could not be made");
  return created.keySalt;
}
