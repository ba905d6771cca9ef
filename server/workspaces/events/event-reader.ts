import type { SessionOpener } from "../../db/session-opener.ts";
import type { AuthenticSession } from "../../db/session-view.ts";
import { openerOf } from "../../permissions/session-access.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { Event, EventPage } from "./schemas.ts";

/** What a reader is to know to go on reading: in whose right, which rows, and from where. */
export interface Place {
  ctx: WorkspaceContext;
  known: AuthenticSession;
  offset: number;
}

/** Events for a reader and where it goes on; or that its right is to be decided again, or that it has left. */
export type Delivery = Pick<EventPage, "data" | "nextOffset"> | "undecided" | "left";

/**
 * Someone who reads a session's events as they come. It takes a page only when it asks for one, so that a slow one keeps
 * nobody's events waiting in memory and finds its next ones in the table.
 */
export class EventReader {
  readonly sessionId: string;
  #place: Place;
  #waiting: PromiseWithResolvers<Delivery> | null = null;
  #isUndecided = false;
  #timesUndecided = 0;
  #hasLeft = false;
  #failure: { error: unknown } | undefined;
  /** Told when nothing more may be passed on for now, or at all. */
  onHalt: () => void = () => {};
  /** Which ring of the session's alarm its last events were read after; see SessionFeed. */
  readAfterRing = -1;

  constructor(sessionId: string, place: Place) {
    this.sessionId = sessionId;
    this.#place = place;
  }

  get ctx(): WorkspaceContext {
    return this.#place.ctx;
  }

  get known(): AuthenticSession {
    return this.#place.known;
  }

  get offset(): number {
    return this.#place.offset;
  }

  get opener(): SessionOpener | null {
    return openerOf(this.ctx.principal);
  }

  /** Whether it waits for events and may be given some. */
  get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  /** Whether what it was given already may still be passed on. */
  get isEntitled(): boolean {
    return !(this.#isUndecided || this.#hasLeft || this.#failure);
  }

  /** How often it was undecided, to be told to settle. */
  get timesUndecided(): number {
    return this.#timesUndecided;
  }

  /** Its right has been decided again, by what was so when it had been undecided so many times. */
  settle(place: Place, timesUndecided: number): void {
    this.#place = place;
    this.#isUndecided = timesUndecided !== this.#timesUndecided;
  }

  /** Rejects with what ended the stream. */
  async wait(): Promise<Delivery> {
    if (this.#failure) throw this.#failure.error;
    if (this.#hasLeft) return "left";
    if (this.#isUndecided) return "undecided";
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Events of the session from any offset on; those that it has are left out. */
  deliver(events: readonly Event[], nextOffset: number): void {
    if (!this.isWaiting || nextOffset <= this.offset) return;
    const data = events.filter(({ offset }) => offset >= this.offset);
    this.#place.offset = nextOffset;
    this.#end((waiting) => waiting.resolve({ data, nextOffset }));
  }

  /** It gets nothing more until its right has been decided again. */
  undecide(): void {
    this.#isUndecided = true;
    this.#timesUndecided++;
    this.onHalt();
    this.#end((waiting) => waiting.resolve("undecided"));
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.onHalt();
    this.#end((waiting) => waiting.reject(error));
  }

  leave(): void {
    this.#hasLeft = true;
    this.#end((waiting) => waiting.resolve("left"));
  }

  #end(how: (waiting: PromiseWithResolvers<Delivery>) => void): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) how(waiting);
  }
}
