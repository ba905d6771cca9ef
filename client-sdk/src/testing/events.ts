import type { Event, EventPage } from "../generated/schemas.ts";
import type { WorkspaceCall } from "./enter.ts";
import { once } from "./once.ts";
import type { IdentifiedEvent, InputOf } from "./procedures.ts";
import { loadSession, makeActive, noteActivity } from "./sessions.ts";

/** How often whoever waits is let in anew without a change: a grant may have ended by the clock. */
const LOOK_AGAIN_MS = 1_000;

/** @throws CONFLICT where the session has been completed, or was abandoned and its agent is not active */
export function appendEvents(call: WorkspaceCall, input: InputOf<"workspaces.events.append">): EventPage {
  // Also an answer that was kept is for those alone who still may.
  const { session, agent } = loadSession(call, input.sessionId, "event:append");
  const { rules, now } = call.state;
  return once(call, "event.append", input, () => {
    const nowMs = now();
    if (session.status === "completed") {
      throw new rules.AppError("CONFLICT", "The session has been completed: make it active again to append to it", {
        details: { code: "SESSION_COMPLETED" },
      });
    }
    if (session.status === "abandoned") {
      rules.assertAgentActive(agent.status);
      makeActive(session, new Date(nowMs));
    }
    const at = new Date(Math.max(nowMs, session.lastActivityAt.getTime()));
    const data = input.events.map(
      ({ source, kind, data, metadata, traceId = call.request.requestId }, index): Event => ({
        ...{ source, kind, data, metadata, traceId },
        ...{ id: rules.newId(nowMs), sessionId: session.id, offset: session.eventCount + index, createdAt: at },
      }),
    );
    session.events.push(...data);
    session.eventCount += data.length;
    session.messageCount += data.filter(({ kind }) => kind === "message").length;
    session.lastActivityAt = at;
    session.updatedAt = new Date(Math.max(nowMs, session.updatedAt.getTime()));
    noteActivity(agent, at);
    return { data, nextOffset: session.eventCount, isolation: { workspaceId: call.workspaceId, verified: true } };
  });
}

/** Where there are none yet, the caller may wait for the first; it is let in anew each time it looks again. */
export async function listEvents(call: WorkspaceCall, input: InputOf<"workspaces.events.list">): Promise<EventPage> {
  const { waitSeconds } = input;
  const endsAtMs = performance.now() + waitSeconds * 1_000;
  let { minOffset } = input;
  for (let current = call; ; current = call.again()) {
    const page = readEvents(current, { ...input, minOffset });
    const leftMs = endsAtMs - performance.now();
    if (page.data.length > 0 || leftMs <= 0 || call.signal?.aborted) return page;
    minOffset = page.nextOffset;
    await call.state.changes.next(call.signal, Math.min(leftMs, LOOK_AGAIN_MS));
  }
}

/**
 * The events from an offset on and those to come; ends with the refusal where they are no longer the caller's to see.
 *
 * @throws NOT_FOUND as loadSession does, before it begins
 */
export function streamEvents(call: WorkspaceCall, input: InputOf<"workspaces.events.stream">): AsyncIterable<IdentifiedEvent> {
  loadSession(call, input.sessionId, "event:list");
  return follow(call, input);
}

async function* follow(call: WorkspaceCall, input: InputOf<"workspaces.events.stream">): AsyncGenerator<IdentifiedEvent, void> {
  const { sessionId, kinds, fromOffset, lastEventId } = input;
  const isolation = { workspaceId: call.workspaceId, verified: true };
  let minOffset = lastEventId === undefined ? fromOffset : Number(lastEventId) + 1;
  for (;;) {
    // One at a time, so that none is given to whoever has lost the session meanwhile.
    const page = readEvents(call.again(), { sessionId, kinds, minOffset, limit: 1 });
    for (const event of page.data) yield { id: String(event.offset), data: { ...event, isolation } };
    if (call.signal?.aborted) return;
    minOffset = page.nextOffset;
    if (page.data.length === 0) await call.state.changes.next(call.signal, LOOK_AGAIN_MS);
  }
}

type Query = Pick<InputOf<"workspaces.events.list">, "sessionId" | "minOffset" | "kinds" | "limit">;

/** @throws NOT_FOUND as loadSession does */
function readEvents(call: WorkspaceCall, { sessionId, minOffset, kinds, limit }: Query): EventPage {
  const { session } = loadSession(call, sessionId, "event:list");
  const data: Event[] = [];
  // An event's offset is its place.
  for (let offset = minOffset; offset < session.events.length && data.length < limit; offset++) {
    const event = session.events[offset];
    if (event && (kinds === undefined || kinds.includes(event.kind))) data.push(event);
  }
  const last = data.at(-1);
  // What is left out because of its kind needs no other look.
  const nextOffset = data.length === limit && last ? last.offset + 1 : Math.max(session.eventCount, minOffset);
  return { data, nextOffset, isolation: { workspaceId: call.workspaceId, verified: true } };
}
