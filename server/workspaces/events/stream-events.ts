import type { Principal } from "../../auth/principal.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { AppError } from "../../shared/errors.ts";
import { untilCredentialEnds } from "./credential-end.ts";
import type { EventHub } from "./event-hub.ts";
import type { Place } from "./event-reader.ts";
import { readFollowed } from "./read-events.ts";
import type { Event, EventPage, StreamEventsInput, StreamedEvent } from "./schemas.ts";
import { EVENTS_AT_ONCE } from "./session-feed.ts";
import { watchGiving } from "./watch-giving.ts";

/** As long as a timer can be: a stream has been resumed long before. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What a stream is opened with. */
export interface StreamCall {
  /** Does the work in the workspace as the caller that is let in at that moment, as any call does its own. */
  enter<Result>(work: (ctx: WorkspaceContext) => Promise<Result>): Promise<Result>;
  hub: EventHub;
  principal: Principal;
  /** Ends the connection of whoever does not read. */
  hangUp: (() => void) | undefined;
  /** Aborts when nobody reads any more. */
  signal: AbortSignal | undefined;
}

/** An event with the id by which a client says that it has it. */
export interface IdentifiedEvent {
  id: string;
  data: StreamedEvent;
}

/**
 * The session's events from an offset on, and those to come as they come, each once and in their order. Whenever the
 * caller's right to them may have changed it is let in anew, and the stream ends with the refusal where it is not.
 *
 * @throws AppError as readEvents does; RATE_LIMITED where the caller has too many streams
 */
export async function streamEvents(
  { enter, hub, principal, hangUp, signal }: StreamCall,
  input: StreamEventsInput,
): Promise<AsyncIterable<IdentifiedEvent>> {
  const { workspaceId, sessionId } = input;
  const kinds = input.kinds && new Set<string>(input.kinds);
  let next = startOf(input);
  const read = (minOffset: number) =>
    enter(async (ctx) => {
      const { known, ...page } = await readFollowed(ctx, { sessionId, minOffset, kinds: null, limit: EVENTS_AT_ONCE });
      const place: Place = { ctx, known, offset: page.nextOffset };
      return { page, place };
    });
  const admission = hub.admit(principal);
  signal?.addEventListener("abort", admission.release);
  let opened: Awaited<ReturnType<typeof read>>;
  try {
    opened = await read(next);
  } catch (error) {
    admission.release();
    throw error;
  }

  async function* stream(): AsyncGenerator<IdentifiedEvent, void> {
    let follower: ReturnType<EventHub["follow"]> | undefined;
    let lastMoment: NodeJS.Timeout | undefined;
    const leave = () => follower?.leave();
    try {
      follower = hub.follow({ workspaceId, sessionId }, opened.place);
      if (signal?.aborted) return;
      signal?.addEventListener("abort", leave);
      const { reader } = follower;
      const endsInMs = untilCredentialEnds(reader.ctx);
      if (Number.isFinite(endsInMs)) {
        lastMoment = setTimeout(() => reader.fail(credentialEnded()), Math.min(endsInMs, MAX_TIMER_MS)).unref();
      }
      const giving = watchGiving(reader, hangUp);
      let page: Pick<EventPage, "data" | "nextOffset"> = opened.page;
      for (;;) {
        for (const event of page.data) {
          // What was read in time is still not passed on behind the end of the permission.
          if (!reader.isEntitled) break;
          if (kinds === undefined || kinds.has(event.kind)) {
            giving.begin();
            yield toIdentified(event, workspaceId);
            giving.end();
          }
          next = event.offset + 1;
        }
        if (reader.isEntitled) next = page.nextOffset;
        const delivery = await follower.next();
        if (delivery === "left") return;
        if (delivery === "undecided") {
          const { timesUndecided } = reader;
          const again = await read(next);
          reader.settle(again.place, timesUndecided);
          page = again.page;
        } else page = delivery;
      }
    } finally {
      clearTimeout(lastMoment);
      signal?.removeEventListener("abort", leave);
      follower?.leave();
      admission.release();
    }
  }
  // Nobody may be there by now to begin reading, so that nothing of the stream would run.
  if (signal?.aborted) admission.release();
  return stream();
}

function credentialEnded(): AppError {
  return new AppError("UNAUTHORIZED", "The stream's credential has ended; go on with another, behind the last event's id", {
    details: { code: "STREAM_RESUMABLE" },
  });
}

function startOf({ fromOffset, lastEventId }: StreamEventsInput): number {
  return lastEventId === undefined ? fromOffset : Number(lastEventId) + 1;
}

function toIdentified(event: Event, workspaceId: string): IdentifiedEvent {
  return { id: String(event.offset), data: { ...event, isolation: { workspaceId, verified: true } } };
}
