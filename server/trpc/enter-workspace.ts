import type { Attempt } from "../audit/refusals.ts";
import { type Authentication, principalId } from "../auth/principal.ts";
import { isGuardRejection, isTransactionConflict, isWorkspaceGone } from "../db/errors.ts";
import type { Access } from "../permissions/context-cache.ts";
import { OPERATIONS, type Operation, permissionSatisfies, type WorkspacePermission } from "../permissions/levels.ts";
import type { IsolationContext, WorkspaceContext } from "../permissions/workspace-context.ts";
import { AppError, invalidInput } from "../shared/errors.ts";
import { simId } from "../shared/text.ts";
import { StaleRowError } from "../workspaces/agents/stale-row.ts";
import type { RequestContext } from "./context.ts";

/** A caller that has been let into a workspace, before its input is read. */
export interface Entry {
  workspaceId: string;
  operation: Operation;
  /** The procedure's path. */
  procedure: string;
  caller: Authentication;
  access: Access & { isRemembered: boolean };
}

/** How often a call is made again: because the decision it rests on no longer holds, and because others changed its row. */
const MAX_ATTEMPTS = 4;

/**
 * The caller behind the request; the attempt is told of it before anything else can be refused.
 *
 * @throws AppError UNAUTHORIZED without a good credential; FORBIDDEN where a cookie decides and its rules are broken;
 * RATE_LIMITED where the caller was refused too often lately
 */
export async function recognise(
  ctx: RequestContext,
  isFresh: boolean,
  attempt?: Pick<Attempt, "caller">,
): Promise<Authentication> {
  const { signals } = ctx.services.audit;
  const caller = await ctx.services.findCaller(ctx.headers, isFresh).catch((error: unknown) => {
    if (error instanceof AppError && error.code === "UNAUTHORIZED") refuseCredential(ctx);
    throw error;
  });
  if (!caller) throw new AppError("UNAUTHORIZED", "A credential is required: a Sim session, an API key or an internal token");
  if (attempt) attempt.caller = caller;
  if (caller.source === "cookie") ctx.assertCookieAllowed();
  if (!isFresh) signals.assertNotSlowed({ principal: caller.principal });
  ctx.annotate({ principalKind: caller.principal.kind, principalId: principalId(caller.principal) });
  return caller;
}

/**
 * Counts a credential that is none for the address that sent it.
 *
 * @throws AppError RATE_LIMITED where this address has sent too many of them
 */
export function refuseCredential({ services, request }: RequestContext): void {
  const { signals } = services.audit;
  const { ipAddress } = request;
  if (ipAddress === null) return;
  signals.assertNotSlowed({ address: ipAddress });
  signals.count({ address: ipAddress }, null);
}

/**
 * Lets the caller into the workspace that the raw input names. It may rest on a remembered permission; a refusal never does.
 *
 * @throws AppError as recognise and loadPermission do; FORBIDDEN below the permission that the operation needs
 */
export async function enterWorkspace(
  ctx: RequestContext,
  called: Pick<Entry, "operation" | "procedure">,
  attempt: Attempt,
  rawInput: unknown,
): Promise<Entry> {
  const { operation } = called;
  const caller = await recognise(ctx, false, attempt);
  if (caller.principal.kind === "internal" && caller.principal.userId === null) throw forUsersAlone();
  const workspaceId = workspaceIdOf(rawInput);
  ctx.annotate({ workspaceId });
  const access = await ctx.services.resolveAccess(caller, workspaceId, false);
  if (access.isRemembered && !permissionSatisfies(access.permission, requiredPermission(operation))) {
    return enterAfresh(ctx, { ...called, workspaceId });
  }
  return admit({ ...called, workspaceId, caller, access });
}

/** Runs `work` in the workspace, as withEntry does. */
export function withWorkspace<Result>(
  ctx: RequestContext,
  entry: Entry,
  work: (workspace: WorkspaceContext) => Promise<Result>,
): Promise<Result> {
  return withEntry(ctx, entry, async (current) => work(await openContext(ctx, current)));
}

/** Runs `work` on the workspace's isolation, as withEntry does. */
export function withIsolation<Result>(
  ctx: RequestContext,
  entry: Entry,
  work: (workspace: IsolationContext) => Promise<Result>,
): Promise<Result> {
  return withEntry(ctx, entry, async (current) => {
    const { db, ...context } = contextOf(ctx, current);
    // Much of what is told here is not read through the caller's own client, so that nothing else would check its permission.
    await db.confirm();
    return work({ ...context, db, isolation: ctx.services.isolation });
  });
}

/**
 * Runs `work` for the caller that was let in. Where a statement finds that the decision no longer holds, the caller is
 * recognised and decided upon again, and the work is made again: what the guard ended has changed nothing.
 *
 * @throws AppError as enterWorkspace does, CONFLICT or SERVICE_UNAVAILABLE where it does not come to rest, and whatever `work` throws
 */
async function withEntry<Result>(ctx: RequestContext, entry: Entry, work: (entry: Entry) => Promise<Result>): Promise<Result> {
  let current = entry;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(current);
    } catch (error) {
      const isUndecided = isGuardRejection(error) || isWorkspaceGone(error);
      const isBeaten = error instanceof StaleRowError || isTransactionConflict(error);
      if (!isUndecided && !isBeaten) throw error;
      if (attempt === MAX_ATTEMPTS) throw isUndecided ? restless(error) : contended(error);
      if (isUndecided) current = await enterAfresh(ctx, entry);
    }
  }
}

/** Decides upon a caller again, on the tables as they stand; what was remembered for it is forgotten. */
export async function enterAfresh(
  ctx: RequestContext,
  called: Pick<Entry, "operation" | "procedure" | "workspaceId">,
): Promise<Entry> {
  const caller = await recognise(ctx, true);
  const { operation, procedure, workspaceId } = called;
  const access = await ctx.services.resolveAccess(caller, workspaceId, true);
  return admit({ workspaceId, operation, procedure, caller, access });
}

function forUsersAlone(): AppError {
  return new AppError("FORBIDDEN", "An internal token without a userId may only call simIntegration", {
    details: { code: "PRINCIPAL_KIND_NOT_PERMITTED" },
    refusal: { reasonCode: "PRINCIPAL_KIND_NOT_PERMITTED", isStranger: true },
  });
}

function restless(cause: unknown): AppError {
  return new AppError("SERVICE_UNAVAILABLE", "The permission is changing at this moment; try again", {
    cause,
    retryAfterSeconds: 1,
  });
}

function contended(cause: unknown): AppError {
  return new AppError("CONFLICT", "The agent is being changed by others; try again", { cause });
}

function admit(entry: Entry): Entry {
  assertPermitted(entry.operation, entry.access.permission);
  return entry;
}

/** @throws AppError FORBIDDEN where the permission in the workspace is below what the operation needs */
export function assertPermitted(operation: Operation, actual: WorkspacePermission): void {
  const required = requiredPermission(operation);
  if (permissionSatisfies(actual, required)) return;
  throw new AppError("FORBIDDEN", `This needs the permission "${required}" in the workspace; yours is "${actual}"`, {
    details: { code: "INSUFFICIENT_WORKSPACE_ROLE", required, actual },
  });
}

/** An operation on an agent is open to whoever is in the workspace; the agent's own level decides. */
function requiredPermission(operation: Operation): WorkspacePermission {
  const needs = OPERATIONS[operation];
  return "workspace" in needs ? needs.workspace : "read";
}

async function openContext(ctx: RequestContext, entry: Entry): Promise<WorkspaceContext> {
  const { workspaceKeys } = ctx.services;
  const { workspaceId, access } = entry;
  return {
    ...contextOf(ctx, entry),
    keys: await workspaceKeys.find(workspaceId, access.db),
    renewKeys: (db) => workspaceKeys.renew(workspaceId, db),
  };
}

function contextOf(
  { services, request }: RequestContext,
  { workspaceId, operation, procedure, caller, access }: Entry,
): Omit<WorkspaceContext, "keys" | "renewKeys"> {
  return {
    workspaceId,
    principal: caller.principal,
    proof: caller.proof,
    credentialEndsAtMs: caller.endsAtMs ?? null,
    operation,
    permission: access.permission,
    decision: access,
    db: access.db,
    reportViolation: services.violations.report,
    auditLogSeal: services.auditLogSeal,
    hints: services.hints,
    sessionWakes: services.sessionWakes,
    clock: services.clock,
    log: services.log,
    request: { ...request, method: [request.method, procedure].filter(Boolean).join(" ") },
    settings: services.settings,
  };
}

/** The workspace that a raw input names. @throws AppError BAD_REQUEST where it names none */
export function workspaceIdOf(rawInput: unknown): string {
  const given = typeof rawInput === "object" && rawInput !== null && "workspaceId" in rawInput ? rawInput.workspaceId : undefined;
  const parsed = simId.safeParse(given);
  if (parsed.success) return parsed.data;
  throw invalidInput(parsed.error.issues.map(({ message }) => ({ path: ["workspaceId"], message })));
}
