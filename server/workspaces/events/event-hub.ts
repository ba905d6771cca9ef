import { type Principal, principalId } from "../../auth/principal.ts";
import type { HeardHint } from "../../db/hint.ts";
import type { Hints } from "../../db/hints.ts";
import type { SessionRef, SessionWakes } from "../../db/session-wakes.ts";
import { isInScope } from "../../permissions/principal-map.ts";
import { AppError } from "../../shared/errors.ts";
import type { DecideReaders } from "./decide-readers.ts";
import { type Delivery, EventReader, type Place } from "./event-reader.ts";
import { SessionFeed } from "./session-feed.ts";

/** Less than a second, so that a stream whose reader lost its permission has ended by then, the statements included. */
const DECIDED_EVERY_MS = 750;
const MAX_STREAMS_PER_PRINCIPAL = 100;

/** One who follows a session. */
export interface Follower {
  reader: EventReader;
  next(): Promise<Delivery>;
  /** To be called in the end, however often. */
  leave(): void;
}

/** All who follow sessions in this process. */
export interface EventHub {
  /**
   * Counts one stream more of the principal, until it is released.
   *
   * @throws AppError RATE_LIMITED where it has too many; SERVICE_UNAVAILABLE where the server closes
   */
  admit(principal: Principal): { release(): void };
  /** @throws AppError SERVICE_UNAVAILABLE where the server closes */
  follow(session: SessionRef, place: Place): Follower;
  /** Decides upon all readers now, and serves those for whom there are events. */
  decideAll(): Promise<void>;
  size(): number;
  /** Every stream ends with the word that it can be resumed elsewhere. */
  close(): void;
}

export interface EventHubOptions {
  decide: DecideReaders;
  wakes: Pick<SessionWakes, "listen">;
  hints: Pick<Hints, "subscribe">;
  maxStreamsPerPrincipal?: number;
}

export function createEventHub(options: EventHubOptions): EventHub {
  const { decide, wakes, hints, maxStreamsPerPrincipal = MAX_STREAMS_PER_PRINCIPAL } = options;
  const feeds = new Map<string, { feed: SessionFeed; silence(): void }>();
  const readers = new Map<EventReader, SessionFeed>();
  const streams = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let deciding: Promise<void> | undefined;
  let isClosed = false;

  async function decideUpon(some: readonly EventReader[]): Promise<void> {
    if (some.length === 0) return;
    try {
      const seeing = await decide(some);
      for (const [reader, count] of seeing) if (reader.isWaiting && count > reader.offset) readers.get(reader)?.ring();
    } catch (error) {
      // Nobody reads on undecided; a client comes back as soon as the database does.
      for (const reader of some) reader.fail(error);
    }
  }
  const decideAll = () => {
    deciding ??= decideUpon([...readers.keys()]).finally(() => {
      deciding = undefined;
    });
    return deciding;
  };
  const onHint = (hint: HeardHint) => {
    if (hint.kind === "events") return;
    const meant = [...readers.keys()].filter(({ ctx }) => isMeant(hint, ctx.workspaceId, ctx.principal));
    void decideUpon(meant);
  };
  const unsubscribe = hints.subscribe(onHint);

  function join(session: SessionRef, reader: EventReader): SessionFeed {
    const key = JSON.stringify([session.workspaceId, session.sessionId]);
    let entry = feeds.get(key);
    if (!entry) {
      const feed = new SessionFeed(decide);
      entry = { feed, silence: wakes.listen(session, () => feed.ring()) };
      feeds.set(key, entry);
    }
    entry.feed.readers.add(reader);
    readers.set(reader, entry.feed);
    timer ??= setInterval(decideAll, DECIDED_EVERY_MS).unref();
    return entry.feed;
  }

  function part(session: SessionRef, reader: EventReader): void {
    const key = JSON.stringify([session.workspaceId, session.sessionId]);
    const entry = feeds.get(key);
    readers.delete(reader);
    entry?.feed.readers.delete(reader);
    if (entry?.feed.readers.size === 0) {
      entry.silence();
      feeds.delete(key);
    }
    if (readers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  return {
    admit(principal) {
      if (isClosed) throw closing();
      const key = JSON.stringify([principal.kind, principalId(principal)]);
      const count = streams.get(key) ?? 0;
      if (count >= maxStreamsPerPrincipal) throw tooMany(maxStreamsPerPrincipal);
      streams.set(key, count + 1);
      let isReleased = false;
      return {
        release() {
          if (isReleased) return;
          isReleased = true;
          const left = (streams.get(key) ?? 1) - 1;
          if (left > 0) streams.set(key, left);
          else streams.delete(key);
        },
      };
    },
    follow(session, place) {
      if (isClosed) throw closing();
      const reader = new EventReader(session.sessionId, place);
      const feed = join(session, reader);
      return {
        reader,
        next: () => feed.next(reader),
        leave() {
          reader.leave();
          if (readers.has(reader)) part(session, reader);
        },
      };
    },
    decideAll,
    size: () => readers.size,
    close() {
      isClosed = true;
      unsubscribe();
      clearInterval(timer);
      for (const reader of readers.keys()) reader.fail(closing());
    },
  };
}

/** Whether a hint may be about the right of a principal in a workspace. */
function isMeant(hint: Exclude<HeardHint, { kind: "events" }>, workspaceId: string, principal: Principal): boolean {
  switch (hint.kind) {
    case "permissions":
    case "caches":
      return isInScope({ workspaceId: hint.workspaceId ?? undefined, userId: hint.userId ?? undefined }, workspaceId, principal);
    case "workspace":
      return hint.workspaceId === workspaceId;
    case "missed":
      return true;
  }
}

function closing(): AppError {
  return new AppError("SERVICE_UNAVAILABLE", "The server is closing; go on with the last event's id", {
    details: { code: "STREAM_RESUMABLE" },
    retryAfterSeconds: 1,
  });
}

function tooMany(limit: number): AppError {
  return new AppError("RATE_LIMITED", `At most ${limit} streams may be open at once`, {
    details: { code: "TOO_MANY_STREAMS" },
    retryAfterSeconds: 5,
  });
}
