import type { Caller } from "../auth/credential-cache.ts";
import { principalId } from "../auth/principal.ts";
import { isGuardRejection } from "../db/errors.ts";
import type { Access, AccessMemory } from "../permissions/access.ts";
import { OPERATIONS, type Operation, permissionSatisfies, type WorkspacePermission } from "../permissions/levels.ts";
import type { WorkspaceContext } from "../permissions/workspace-context.ts";
import { AppError, invalidInput, workspaceNotFound } from "../shared/errors.ts";
import { simId } from "../shared/text.ts";
import { StaleRowError } from "../workspaces/agents/stale-row.ts";
import type { RequestContext } from "./context.ts";

/** A caller that has been let into a workspace, before its input is read. */
export interface Entry {
  workspaceId: string;
  operation: Operation;
  caller: Caller<AccessMemory>;
  access: Access;
}

/** How often a call is made again because another transaction changed its row. */
const MAX_STALE_ATTEMPTS = 3;

/**
 * The caller behind the request.
 *
 * @throws AppError UNAUTHORIZED without a good credential; FORBIDDEN where a cookie decides and its rules are broken
 */
export async function recognise(ctx: RequestContext, isFresh: boolean): Promise<Caller<AccessMemory>> {
  const caller = await ctx.services.findCaller(ctx.headers, isFresh);
  if (!caller) throw new AppError("UNAUTHORIZED", "A credential is required: a Sim session, an API key or an internal token");
  if (caller.source === "cookie") ctx.assertCookieAllowed();
  ctx.annotate({ principalKind: caller.principal.kind, principalId: principalId(caller.principal) });
  return caller;
}

/**
 * Lets the caller into the workspace that the raw input names. It may rest on a remembered permission; a refusal never does.
 *
 * @throws AppError as recognise and loadPermission do; FORBIDDEN below the permission that the operation needs
 */
export async function enterWorkspace(ctx: RequestContext, operation: Operation, rawInput: unknown): Promise<Entry> {
  const caller = await recognise(ctx, false);
  const workspaceId = workspaceIdOf(rawInput);
  ctx.annotate({ workspaceId });
  const access = await ctx.services.resolveAccess(caller, workspaceId, false);
  if (access.isRemembered && !permissionSatisfies(access.permission, requiredPermission(operation))) {
    return enterAfresh(ctx, operation, workspaceId);
  }
  return admit({ workspaceId, operation, caller, access });
}

/**
 * Runs `work` in the workspace. Where the guard finds that the decision no longer holds, the caller is recognised and
 * decided upon again, once, and the work is made again: what the guard ended has changed nothing.
 *
 * @throws AppError as enterWorkspace does, and whatever `work` throws
 */
export async function withWorkspace<Result>(
  ctx: RequestContext,
  entry: Entry,
  work: (workspace: WorkspaceContext) => Promise<Result>,
): Promise<Result> {
  let current = entry;
  let isRedecided = false;
  for (let staleAttempts = 0; ; ) {
    try {
      return await work(await openContext(ctx, current));
    } catch (error) {
      if (isGuardRejection(error)) {
        if (isRedecided) throw workspaceNotFound();
        isRedecided = true;
        current = await enterAfresh(ctx, entry.operation, entry.workspaceId);
      } else if (error instanceof StaleRowError) {
        staleAttempts += 1;
        if (staleAttempts === MAX_STALE_ATTEMPTS)
          throw new AppError("CONFLICT", "The agent is being changed by others; try again", { cause: error });
      } else {
        throw error;
      }
    }
  }
}

async function enterAfresh(ctx: RequestContext, operation: Operation, workspaceId: string): Promise<Entry> {
  const caller = await recognise(ctx, true);
  const access = await ctx.services.resolveAccess(caller, workspaceId, true);
  return admit({ workspaceId, operation, caller, access });
}

function admit(entry: Entry): Entry {
  const required = requiredPermission(entry.operation);
  const actual = entry.access.permission;
  if (!permissionSatisfies(actual, required)) {
    throw new AppError("FORBIDDEN", `This needs the permission "${required}" in the workspace; yours is "${actual}"`, {
      details: { code: "INSUFFICIENT_WORKSPACE_ROLE", required, actual },
    });
  }
  return entry;
}

/** An operation on an agent is open to whoever is in the workspace; the agent's own level decides. */
function requiredPermission(operation: Operation): WorkspacePermission {
  const needs = OPERATIONS[operation];
  return "workspace" in needs ? needs.workspace : "read";
}

async function openContext(ctx: RequestContext, { workspaceId, caller, access }: Entry): Promise<WorkspaceContext> {
  const { services } = ctx;
  return {
    workspaceId,
    principal: caller.principal,
    permission: access.permission,
    db: access.db,
    keys: await services.findWorkspaceKeys(workspaceId, access.db),
    clock: services.clock,
    log: services.log,
    request: ctx.request,
    settings: services.settings,
  };
}

function workspaceIdOf(rawInput: unknown): string {
  const given = typeof rawInput === "object" && rawInput !== null && "workspaceId" in rawInput ? rawInput.workspaceId : undefined;
  const parsed = simId.safeParse(given);
  if (parsed.success) return parsed.data;
  throw invalidInput(parsed.error.issues.map(({ message }) => ({ path: ["workspaceId"], message })));
}
