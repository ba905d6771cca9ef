import type { EventPageRow } from "../../db/event-statements.ts";
import type { $Enums } from "../../db/generated/client.ts";
import type { AuthenticSession } from "../../db/session-view.ts";
import { sessionViewOf } from "../../permissions/session-access.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { sessionNotFound } from "../../shared/errors.ts";
import { assertLevel } from "../agents/load-agent.ts";
import { assertSees } from "../sessions/load-session.ts";
import { authenticSessions, type SignedSession, toAuthentic } from "../sessions/session-row.ts";
import type { Event, EventPage } from "./schemas.ts";

export interface EventQuery {
  sessionId: string;
  minOffset: number;
  kinds: readonly $Enums.EventKind[] | null;
  limit: number;
}

/**
 * Events of a session that the caller sees, from an offset on, as one statement finds them and the caller's rights.
 *
 * @throws AppError NOT_FOUND, as loadSession does
 */
export async function readEvents(ctx: WorkspaceContext, query: EventQuery): Promise<EventPage> {
  const { isolation, data, nextOffset } = await readFollowed(ctx, query);
  return { data, nextOffset, isolation };
}

/** The same with what the session and its agent were found to be authentic by, for whoever goes on reading it. */
export async function readFollowed(
  ctx: WorkspaceContext,
  { limit, ...query }: EventQuery,
): Promise<EventPage & { known: AuthenticSession }> {
  const rows = await ctx.db.eventPage({ ...query, view: sessionViewOf(ctx, ctx.clock.now()), take: limit });
  const [first] = rows;
  if (!first || (await authenticSessions(ctx, [toSigned(first)])).length === 0) throw sessionNotFound();
  assertSees(ctx, first);
  assertLevel({ accessLevel: first.agentLevel }, "view");
  const data = rows.flatMap((row) => toEvent(row) ?? []);
  const last = data.at(-1);
  // What is left out because of its kind needs no other look.
  const nextOffset = data.length === limit && last ? last.offset + 1 : Math.max(first.eventCount, query.minOffset);
  const isolation = { workspaceId: ctx.workspaceId, verified: true as const };
  return { data, nextOffset, isolation, known: toAuthentic(toSigned(first)) };
}

function toSigned({
  sessionId,
  sessionCreatedAt,
  sessionBoundary,
  sessionBoundaryKeyVersion,
  ...row
}: EventPageRow): SignedSession {
  return {
    ...row,
    id: sessionId,
    createdAt: sessionCreatedAt,
    boundary: sessionBoundary,
    boundaryKeyVersion: sessionBoundaryKeyVersion,
  };
}

function toEvent({ sessionId, id, offset, source, kind, data, metadata, traceId, createdAt }: EventPageRow): Event | null {
  if (id === null || offset === null || source === null || kind === null || traceId === null || createdAt === null) return null;
  return {
    id,
    sessionId,
    offset,
    source,
    kind,
    data: data as Event["data"],
    metadata: metadata as Event["metadata"],
    traceId,
    createdAt,
  };
}
