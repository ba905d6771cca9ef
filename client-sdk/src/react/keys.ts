import type { QueryClient } from "@tanstack/react-query";

const MARK = "parlant";

/** The workspace first: entries of two workspaces share nothing, and those of one can be dropped together. */
export type WorkspaceKey = readonly [workspaceId: string, mark: typeof MARK, ...path: unknown[]];

/** The key of what a procedure answers to an input; without one, the beginning of all such keys. */
export function keyOf(workspaceId: string, path: readonly string[], input?: object): WorkspaceKey {
  const given = Object.entries(input ?? {}).filter(([, value]) => value !== undefined);
  return [workspaceId, MARK, ...path, ...(given.length > 0 ? [Object.fromEntries(given)] : [])];
}

/**
 * Nothing that was read of a workspace is left in the cache, nor is anything still being read; of all workspaces where
 * none is named. For when someone signs out, or is no longer let in.
 */
export async function forgetWorkspace(queryClient: QueryClient, workspaceId?: string): Promise<void> {
  const isOurs = (key: readonly unknown[] | undefined) =>
    key?.[1] === MARK && (workspaceId === undefined || key[0] === workspaceId);
  const predicate = ({ queryKey }: { queryKey: readonly unknown[] }) => isOurs(queryKey);
  await queryClient.cancelQueries({ predicate });
  queryClient.removeQueries({ predicate });
  const mutations = queryClient.getMutationCache();
  for (const mutation of mutations.findAll({ predicate: ({ options }) => isOurs(options.mutationKey) }))
    mutations.remove(mutation);
}
