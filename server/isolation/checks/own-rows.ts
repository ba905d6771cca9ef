import type { Binding } from "../../db/binding.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { WorkspaceDb } from "../../db/workspace-db.ts";
import type { BoundaryKeys } from "../boundary.ts";
import { readBoundaryKeys } from "../workspace-keys.ts";

/** What the checks that read a workspace's own rows work with. */
export interface OwnRows {
  rootSecrets: readonly string[];
  openWorkspace(binding: Binding): WorkspaceDb;
}

/** The workspace as the checks read it, and its keys; null where it has none. */
export async function openOwnRows(
  { rootSecrets, openWorkspace }: OwnRows,
  workspaceId: string,
): Promise<{ db: WorkspaceDb; keys: BoundaryKeys | null }> {
  const db = openWorkspace(systemBinding(workspaceId, "isolation.health"));
  return { db, keys: await readBoundaryKeys(rootSecrets, db) };
}
