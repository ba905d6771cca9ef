import { appendRecord } from "../../audit/record.ts";
import type { AuthenticSession } from "../../db/session-view.ts";
import { sessionViewOf } from "../../permissions/session-access.ts";
import { inTransaction, type TransactionContext, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { AppError } from "../../shared/errors.ts";
import { newId } from "../../shared/ids.ts";
import { StaleRowError } from "../agents/stale-row.ts";
import { once } from "../once.ts";
import { loadSession } from "../sessions/load-session.ts";
import { toAuthentic } from "../sessions/session-row.ts";
import { assertRevivable, statusFields } from "../sessions/update-session.ts";
import { findKnown, forgetKnown, keepKnown } from "./known-sessions.ts";
import type { AppendEventsInput, EventPage } from "./schemas.ts";

/**
 * Appends the events in their order, all of them or none, at offsets without gaps; a session that was abandoned is active
 * again. Usually one statement, which decides, appends, counts and records; under an idempotency key a transaction around it.
 *
 * @throws AppError as loadSession does; CONFLICT where the session has been completed, or its agent takes no session again
 */
export async function appendEvents(ctx: WorkspaceContext, input: AppendEventsInput): Promise<EventPage> {
  const { workspaceId, sessionId } = input;
  const appended =
    ctx.request.idempotencyKey === null
      ? ((await appendAtOnce(ctx, input)) ?? (await inTransaction(ctx, (tx) => reviveAndAppend(tx, input))))
      : await inTransaction(ctx, (tx) => appendOnce(tx, input));
  ctx.hints.announce({ kind: "events", workspaceId, sessionId });
  return appended;
}

async function appendOnce(tx: TransactionContext, input: AppendEventsInput): Promise<EventPage> {
  let isKept = true;
  const appended = await once(tx, "event.append", input, async () => {
    isKept = false;
    return (await appendAtOnce(tx, input)) ?? reviveAndAppend(tx, input);
  });
  // An answer that was kept is given by no statement that decides.
  if (isKept) await loadSession(tx, input.sessionId, "interact");
  return appended;
}

/** Null where the session is not as it is usually: not active, or no longer the caller's to post to. */
async function appendAtOnce(ctx: WorkspaceContext | TransactionContext, input: AppendEventsInput): Promise<EventPage | null> {
  const { sessionId } = input;
  const key = { workspaceId: ctx.workspaceId, principal: ctx.principal, sessionId };
  const remembered = findKnown(key);
  if (remembered) {
    const appended = await appendTo(ctx, remembered, input);
    if (appended) return appended;
    forgetKnown(key);
  }
  const session = toAuthentic(await loadSession(ctx, sessionId, "interact"));
  const appended = await appendTo(ctx, session, input);
  if (appended) keepKnown(key, session);
  return appended;
}

async function reviveAndAppend(tx: TransactionContext, input: AppendEventsInput): Promise<EventPage> {
  const session = await loadSession(tx, input.sessionId, "interact");
  if (session.status === "completed") {
    throw new AppError("CONFLICT", "The session has been completed: make it active again to append to it", {
      details: { code: "SESSION_COMPLETED" },
    });
  }
  if (session.status === "abandoned") {
    await assertRevivable(tx, session);
    const now = new Date(tx.clock.now());
    await tx.db.session.updateMany({
      where: { id: session.id },
      data: { status: "active", ...statusFields(session, "active", now), updatedAt: now },
    });
  }
  const appended = await appendTo(tx, toAuthentic(session), input);
  if (!appended) throw new StaleRowError();
  return appended;
}

async function appendTo(
  ctx: WorkspaceContext | TransactionContext,
  known: AuthenticSession,
  { workspaceId, sessionId, events }: AppendEventsInput,
): Promise<EventPage | null> {
  const nowMs = ctx.clock.now();
  const rows = events.map(({ source, kind, data, metadata, traceId }) => ({
    ...{ source, kind, data, metadata },
    id: newId(nowMs),
    traceId: traceId ?? ctx.request.requestId,
  }));
  const appended = await ctx.db.appendEvents({
    view: sessionViewOf(ctx, nowMs),
    known,
    events: rows,
    at: new Date(nowMs),
    audit: appendRecord(ctx),
  });
  if (!appended) return null;
  const { firstOffset, appendedAt } = appended;
  return {
    data: rows.map((row, index) => ({ ...row, sessionId, offset: firstOffset + index, createdAt: appendedAt })),
    nextOffset: firstOffset + rows.length,
    isolation: { workspaceId, verified: true },
  };
}
