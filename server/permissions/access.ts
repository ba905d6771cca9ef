import type { Principal } from "../auth/principal.ts";
import type { Binding } from "../db/binding.ts";
import type { SimFeatures } from "../db/sim-features.ts";
import type { SimReader } from "../db/sim-reader.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import { AppError } from "../shared/errors.ts";
import { type Landed, landedFlight, type Runway } from "../shared/single-flight.ts";
import type { Access, ContextCache } from "./context-cache.ts";
import { guardedBinding } from "./guard.ts";
import { loadPermission } from "./load-permission.ts";
import { isInScope, PrincipalMap, type Proven, type Scope } from "./principal-map.ts";

/**
 * The caller's access to a workspace. A remembered one, which one that others had begun to load counts as, may be out of
 * date, which its client finds out at its first statement; `isFresh` decides on the tables as they stand.
 *
 * @throws AppError as loadPermission does
 */
export type ResolveAccess = (
  caller: Proven,
  workspaceId: string,
  isFresh: boolean,
) => Promise<Access & { isRemembered: boolean }>;

export interface AccessResolver {
  resolve: ResolveAccess;
  /** Forgets what is remembered in the scope, and what is being loaded is not remembered; answers with how much was remembered. */
  forget(scope: Scope): number;
}

/** The loads for one principal. */
interface Load extends Runway<Access> {
  workspaceId: string;
  principal: Principal;
  proof: string | null;
  /** Whether the outcome of the present one may not be remembered. */
  isOutdated: boolean;
  waiting: number;
}

/**
 * Decides on Sim's tables, once for all who ask at the same time, and remembers what was granted. A load that was under
 * way when something was forgotten is not remembered: it may have read what was there before.
 */
export function createAccessResolver(options: {
  sim: SimReader;
  features: SimFeatures;
  contexts: ContextCache;
  openWorkspace(binding: Binding): WorkspaceDb;
  nowMs(): number;
}): AccessResolver {
  const { sim, features, contexts, openWorkspace, nowMs } = options;
  const loads = new PrincipalMap<Load>();

  async function load(caller: Proven, workspaceId: string): Promise<Access> {
    const decidedAtMs = nowMs();
    const permission = await loadPermission(sim, features, caller, workspaceId);
    const db = openWorkspace(guardedBinding(caller, workspaceId, permission, features));
    return { workspaceId, permission, db, decidedAtMs };
  }

  /** A load that others may join; it is remembered unless something was forgotten since it began. */
  async function loadAndKeep(caller: Proven, workspaceId: string, shared: Load): Promise<Access> {
    shared.isOutdated = false;
    const access = await load(caller, workspaceId);
    if (!shared.isOutdated) contexts.keep(caller, access);
    return access;
  }

  async function decide(caller: Proven, workspaceId: string, isFresh: boolean): Promise<Landed<Access>> {
    const underWay = loads.get(workspaceId, caller.principal);
    if (isFresh) {
      contexts.forget(caller, workspaceId);
      if (underWay) underWay.isOutdated = true;
    }
    // Another credential of the same principal is another question.
    if (underWay && underWay.proof !== caller.proof) return { value: await load(caller, workspaceId), isOfBefore: false };
    const shared = underWay ?? {
      ...{ workspaceId, principal: caller.principal, proof: caller.proof },
      isOutdated: false,
      waiting: 0,
    };
    if (!underWay) loads.set(workspaceId, caller.principal, shared);
    shared.waiting += 1;
    try {
      return await landedFlight(
        shared,
        () => loadAndKeep(caller, workspaceId, shared),
        // A permission that was taken away meanwhile is found out by the guard; one that was given would not be.
        (outcome) => !isFresh && !("error" in outcome && isRefusal(outcome.error)),
      );
    } finally {
      shared.waiting -= 1;
      if (shared.waiting === 0) loads.delete(workspaceId, caller.principal);
    }
  }

  return {
    async resolve(caller, workspaceId, isFresh) {
      const remembered = isFresh ? undefined : contexts.find(caller, workspaceId);
      if (remembered) return { ...remembered, isRemembered: true };
      const { value, isOfBefore } = await decide(caller, workspaceId, isFresh);
      return { ...value, isRemembered: isOfBefore };
    },
    forget(scope) {
      for (const load of loads.values(scope.workspaceId)) {
        if (isInScope(scope, load.workspaceId, load.principal)) load.isOutdated = true;
      }
      return contexts.clear(scope);
    },
  };
}

/** An answer to the question, and no failure to ask it. */
function isRefusal(error: unknown): boolean {
  return error instanceof AppError;
}
