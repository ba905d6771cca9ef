import type { LeveledSessionRow } from "../../db/session-view.ts";
import { sessionViewOf } from "../../permissions/session-access.ts";
import { onceOnly, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { decodeCursor, encodeCursor, type Keyset } from "../../shared/pagination.ts";
import type { ListSessionsInput, SessionPage } from "./schemas.ts";
import { authenticSessions, toSession } from "./session-row.ts";

/** How often a page is read on past rows that are not authentic, and how many rows at least each time after the first. */
const MAX_ROUNDS = 5;
const LATER_STEP = 100;

/**
 * One page of the sessions that the caller sees, in a stable order. Where too many rows in a row are not authentic it ends
 * before them, as a list of agents does.
 */
export async function listSessions(ctx: WorkspaceContext, input: ListSessionsInput): Promise<SessionPage> {
  const { limit, cursor, sortBy, sortOrder, workspaceId, ...filters } = input;
  const query = { workspaceId, sessions: true, ...filters, sortBy, sortOrder };
  const view = sessionViewOf(ctx, ctx.clock.now());
  const reader = { ...ctx, renewKeys: onceOnly(ctx.renewKeys) };
  const keysetOf = (row: LeveledSessionRow): Keyset => ({ value: row[sortBy].toISOString(), id: row.id });
  const sessions: LeveledSessionRow[] = [];
  let after = cursor === undefined ? undefined : decodeCursor(query, cursor, "time");
  let isMore = true;
  for (let round = 1; isMore && sessions.length <= limit && round <= MAX_ROUNDS; round++) {
    // One more than the page shows whether there is another.
    const take = round === 1 ? limit + 1 : Math.max(limit + 1, LATER_STEP);
    const rows = await ctx.db.sessionPage({ ...filters, view, sort: sortBy, order: sortOrder, ...(after && { after }), take });
    sessions.push(...(await authenticSessions(reader, rows)));
    const last = rows.at(-1);
    isMore = rows.length === take;
    after = last && keysetOf(last);
  }
  const isCutShort = isMore && sessions.length <= limit;
  if (isCutShort) {
    ctx.log.error({ workspaceId, shown: sessions.length }, "a list of sessions ends early: too many rows are not authentic");
  }
  const page = sessions.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map(toSession),
    nextCursor: (sessions.length > limit || isCutShort) && last ? encodeCursor(query, keysetOf(last)) : null,
    isolation: { workspaceId, verified: true },
  };
}
