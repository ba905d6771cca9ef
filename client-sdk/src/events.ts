import { type CallOptions, type CreateOptions, runMutation, runQuery } from "./call.ts";
import { abortedBy, InvalidResponseError, TimeoutError, UnauthorizedError } from "./error-classes.ts";
import { SimParlantError } from "./errors.ts";
import { openQueue } from "./event-queue.ts";
import type { WorkspacesEventsCalls } from "./generated/calls.ts";
import type { AppendEventsInput, Event, EventPage, ListEventsInput } from "./generated/schemas.ts";
import { keyed } from "./idempotency-key.ts";
import type { Ports } from "./ports.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";
import { backoffMs, isRetryable } from "./retry.ts";

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
/** A look at the session that brought nothing and was over within this time is put off when it is taken again. */
const QUICK_MS = 5_000;
/** After as many streams in a row that brought nothing and broke at once, or fell silent, the events are polled for. */
const MAX_BROKEN = 5;
/** For so long; then a stream is tried again, and where that breaks too, after twice the time. */
const POLL_MS = 60_000;
/** As many polls in a row that nothing answers are the end. */
const MAX_SILENT = 3;

/** Where a stream is. */
interface Place extends Pick<EventQuery, "kinds"> {
  sessionId: string;
  next: number;
  /** Whether the last stream was left because nothing came any more, not even a sign of life. */
  isSilent: boolean;
}

/** What happens in the sessions of one workspace. */
export class Events extends Resource<WorkspacesEventsCalls, OfWorkspace> implements MethodsFor<WorkspacesEventsCalls> {
  readonly #ports: Ports;

  constructor(calls: WorkspacesEventsCalls, owner: OfWorkspace, ports: Ports) {
    super(calls, owner);
    this.#ports = ports;
  }

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
   * where a connection breaks, over long polls where no stream comes through, and ends with the signal, behind which nothing
   * more is given, or where the session is no longer the caller's to see.
   *
   * @throws AbortedError by the signal; TimeoutError or ConnectionError where the server is away for too long; what the
   * server refuses with
   */
  async *stream(sessionId: string, options: StreamOptions = {}): AsyncGenerator<Event, void, undefined> {
    const { fromOffset = 0, kinds, signal, ...limits } = options;
    const { now, random, wait } = this.#ports;
    const place: Place = { sessionId, kinds, next: fromOffset, isSilent: false };
    const call: CallOptions = { ...STREAM_LIMITS, ...limits, signal };
    let streamsFrom = 0;
    for (let broken = 0, empty = 0, silent = 0; ; ) {
      if (signal?.aborted) throw abortedBy(signal);
      const { next } = place;
      const begunAt = now();
      const isPoll = begunAt < streamsFrom;
      try {
        for await (const event of isPoll ? this.#poll(place, call) : this.#subscribe(place, call)) {
          if (signal?.aborted) break;
          yield event;
        }
        silent = 0;
      } catch (error) {
        if (isPoll ? !TimeoutError.is(error) || ++silent >= MAX_SILENT : !isUnstreamable(error)) throw error;
        if (!isPoll) streamsFrom = Number.POSITIVE_INFINITY;
      }
      const isEmpty = place.next <= next;
      const isQuick = isEmpty && now() - begunAt < QUICK_MS;
      if (isPoll) {
        empty = isQuick ? empty + 1 : 0;
        if (!isQuick) continue;
      } else {
        broken = isQuick || (isEmpty && place.isSilent) ? broken + 1 : 0;
        if (broken >= MAX_BROKEN) streamsFrom = Math.max(streamsFrom, now() + POLL_MS * 2 ** (broken - MAX_BROKEN));
      }
      // Not at once either where all went well: a server that closes ends the streams of all its readers together.
      await wait(backoffMs(isPoll ? empty : broken, undefined, random) ?? 0, signal).catch((error: unknown) => {
        throw signal?.aborted ? abortedBy(signal) : error;
      });
    }
  }

  /** What one connection brings. */
  async *#subscribe(place: Place, { signal, ...context }: CallOptions): AsyncGenerator<Event, void, undefined> {
    const { sessionId, kinds, next: fromOffset } = place;
    const input = { ...this.owner, sessionId, kinds, fromOffset };
    place.isSilent = false;
    const queue = openQueue<Event>((handlers) => this.calls.stream.subscribe(input, handlers), {
      ...(signal && { signal }),
      context,
    });
    try {
      for (let event = await queue.next(); event; event = await queue.next()) {
        place.next = event.offset + 1;
        yield event;
      }
    } catch (error) {
      place.isSilent = TimeoutError.is(error);
      // Until it began it was tried again already, as any call is.
      if (!queue.hasStarted || !(isInterruption(error) || place.isSilent)) throw error;
    } finally {
      queue.close();
    }
  }

  /** What one long poll brings. */
  async *#poll(place: Place, options: CallOptions): AsyncGenerator<Event, void, undefined> {
    const query = { minOffset: place.next, kinds: place.kinds, limit: AT_ONCE, waitSeconds: WAIT_SECONDS };
    const { data, nextOffset } = await this.list(place.sessionId, query, options);
    yield* data;
    place.next = nextOffset;
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
