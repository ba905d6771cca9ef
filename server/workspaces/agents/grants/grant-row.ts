import type { ScopedModels } from "../../../db/workspace-types.ts";
import type { GrantEntry } from "./schemas.ts";

export type GrantRow = Awaited<ReturnType<ScopedModels["agentGrant"]["findMany"]>>[number];

export function toGrantEntry({ agentId, userId, level, expiresAt, grantedBy, createdAt, updatedAt }: GrantRow): GrantEntry {
  return { agentId, userId, level, expiresAt, grantedBy, createdAt, updatedAt };
}

/** A grant as the audit trail keeps it. */
export function grantView({ userId, level, expiresAt }: Pick<GrantRow, "userId" | "level" | "expiresAt">): object {
  return { userId, level, expiresAt };
}
