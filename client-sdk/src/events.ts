import { type CallOptions, type CreateOptions, runMutation, runQuery } from "./call.ts";
import { abortedBy, InvalidResponseError, TimeoutError, UnauthorizedError } from "./error-classes.ts";
import { SimParlantError } from "./errors.ts";
import { openQueue } from "./event-queue.ts";
import type { WorkspacesEventsCalls } from "./generated/calls.ts";
import type { AppendEventsInput, Event, EventPage, ListEventsInput } from "./generated/schemas.ts";
import { keyed } from "./idempotency-key.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";
import { isRetryable } from "./retry.ts";

export type NewEvent = AppendEventsInput["events"][number];
export type EventQuery = Omit<ListEventsInput, "workspaceId" | "sessionId">;

/** A stream may be interrupted for as long as its retries last, a minute and more; `timeoutMs` is each look's own. */
export interface StreamOptions extends CallOptions, Pick<EventQuery, "kinds"> {
  /** Where it begins; at the session's first event unless given. */
  fromOffset?: number | undefined;
}

const WAIT_SECONDS = 25;
const AT_ONCE = 100;
const STREAM_LIMITS = { timeoutMs: 60_000, retries: 20 };
/** After as many streams in a row that brought nothing and broke, the events are polled for. */
const MAX_FRUITLESS = 5;

/** What happens in the sessions of one workspace. */
export class Events extends Resource<WorkspacesEventsCalls, OfWorkspace> implements MethodsFor<WorkspacesEventsCalls> {
  /**
   * Appends one event or up to 100, all of them or none; repeated safely under an idempotency key, the call's own unless
   * one is given.
   */
  append(sessionId: string, events: NewEvent | NewEvent[], options: CreateOptions = {}): Promise<EventPage> {
    const input = { ...this.owner, sessionId, events: Array.isArray(events) ? events : [events] };
    return runMutation(this.calls.append, input, keyed(options));
  }

  /** Events from an offset on; with `waitSeconds`, waits for the first where there is none yet. */
  list(sessionId: string, query: EventQuery = {}, options: CallOptions = {}): Promise<EventPage> {
    const input = { ...query, ...this.owner, sessionId };
    return runQuery(this.calls.list, input, options);
  }

  /**
   * The session's events from an offset on, each once and in their order, those to come as they come. It goes on by itself
   * where a connection breaks, and ends with the signal, or where the session is no longer the caller's to see.
   */
  async *stream(sessionId: string, options: StreamOptions = {}): AsyncGenerator<Event, void, undefined> {
    const { fromOffset = 0, kinds, signal, ...limits } = options;
    let next = fromOffset;
    for (let fruitless = 0; fruitless < MAX_FRUITLESS; fruitless++) {
      const input = { ...this.owner, sessionId, kinds, fromOffset: next };
      const queue = openQueue<Event>((handlers) => this.calls.stream.subscribe(input, handlers), {
        ...(signal && { signal }),
        context: { ...STREAM_LIMITS, ...limits },
      });
      try {
        for (let event = await queue.next(); event; event = await queue.next()) {
          fruitless = -1;
          next = event.offset + 1;
          yield event;
        }
      } catch (error) {
        if (isUnstreamable(error)) break;
        // Until it began it was tried again already, as any call is.
        if (!isInterruption(error) || !queue.hasStarted) throw error;
      } finally {
        queue.close();
      }
      if (signal?.aborted) throw abortedBy(signal);
    }
    yield* this.#poll(sessionId, { ...options, fromOffset: next });
  }

  /** The same over long polls, where something between the two ends lets no stream through. */
  async *#poll(sessionId: string, { fromOffset = 0, kinds, ...options }: StreamOptions): AsyncGenerator<Event, void, undefined> {
    for (let minOffset = fromOffset; ; ) {
      const query = { minOffset, kinds, limit: AT_ONCE, waitSeconds: WAIT_SECONDS };
      const page = await this.list(sessionId, query, { ...STREAM_LIMITS, ...options }).catch((error: unknown) => {
        // A connection that is silently gone is noticed by nothing else.
        if (error instanceof TimeoutError) return null;
        throw error;
      });
      if (!page) continue;
      yield* page.data;
      minOffset = page.nextOffset;
    }
  }
}

/** What ends a stream that can be resumed: a broken connection, a server that closes or is away, a credential that has ended. */
function isInterruption(error: unknown): boolean {
  return SimParlantError.is(error) && (isRetryable(error, true) || UnauthorizedError.is(error));
}

/** What becomes of a stream where a gateway or the platform's fetch lets none through. */
function isUnstreamable(error: unknown): boolean {
  return InvalidResponseError.is(error) || TimeoutError.is(error);
}
