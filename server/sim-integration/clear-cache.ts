import { z } from "zod";
import type { Hints } from "../db/hints.ts";
import type { Scope } from "../permissions/principal-map.ts";
import { simId } from "../shared/text.ts";

export const ClearCacheInput = z.strictObject({
  workspaceId: simId.optional().describe("Only what is remembered of this workspace; needed of whoever is not Sim's backend"),
  userId: simId.optional().describe("Only what is remembered of this user"),
});
export type ClearCacheInput = z.output<typeof ClearCacheInput>;

export const ClearedCache = z.object({
  cleared: z.int().min(0).describe("How many entries the instance that answers had; the others are told to clear theirs"),
});
export type ClearedCache = z.output<typeof ClearedCache>;

/**
 * No instance remembers what it did of the workspace, of the user, of the user in the workspace, or at all; this one when
 * it resolves, the others once the hint reaches them. Nothing depends on it: what is remembered is checked at each use.
 *
 * @throws where the database is away, so that the others cannot be told
 */
export async function clearCache(
  { services }: { services: { hints: Pick<Hints, "publish">; forget(scope: Scope): number } },
  { workspaceId, userId }: ClearCacheInput,
): Promise<ClearedCache> {
  const cleared = services.forget({ workspaceId, userId });
  await services.hints.publish({ kind: "caches", workspaceId: workspaceId ?? null, userId: userId ?? null });
  return { cleared };
}
