import type { CredentialCache } from "../auth/credential-cache.ts";
import type { HeardHint } from "../db/hint.ts";
import type { WorkspaceKeys } from "../isolation/workspace-keys.ts";
import type { AccessResolver } from "./access.ts";
import type { Scope } from "./principal-map.ts";

export interface Memory {
  access: Pick<AccessResolver, "forget">;
  credentials: Pick<CredentialCache, "forget">;
  workspaceKeys: Pick<WorkspaceKeys, "forget">;
}

/**
 * This process remembers nothing of a workspace, of a user or of a user in a workspace that was remembered before; answers
 * with how many entries that were. A credential is a user's and keys are a workspace's, so each is left alone by the other's.
 */
export function forgetScope({ access, credentials, workspaceKeys }: Memory, scope: Scope): number {
  const ofUser = scope.workspaceId === undefined ? credentials.forget(scope.userId) : 0;
  const ofWorkspace = scope.userId === undefined ? workspaceKeys.forget(scope.workspaceId) : 0;
  return access.forget(scope) + ofUser + ofWorkspace;
}

/** Forgets what a hint says is out of date. */
export function forgetOnHint(memory: Memory, hint: HeardHint): void {
  switch (hint.kind) {
    case "permissions":
      memory.access.forget(toScope(hint));
      return;
    case "workspace":
      forgetScope(memory, { workspaceId: hint.workspaceId });
      return;
    case "caches":
      forgetScope(memory, toScope(hint));
      return;
    case "missed":
      forgetScope(memory, {});
      return;
    case "events":
      return;
  }
}

function toScope({ workspaceId, userId }: { workspaceId: string | null; userId: string | null }): Scope {
  return { workspaceId: workspaceId ?? undefined, userId: userId ?? undefined };
}
