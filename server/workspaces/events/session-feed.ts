import { isGuardRejection } from "../../db/errors.ts";
import { AppError } from "../../shared/errors.ts";
import type { DecideReaders } from "./decide-readers.ts";
import type { Delivery, EventReader } from "./event-reader.ts";
import { readEvents } from "./read-events.ts";
import type { EventPage } from "./schemas.ts";

/** As many events as a reader holds at most, each up to 80 KiB. */
export const EVENTS_AT_ONCE = 25;

/**
 * The readers of one session. Those who wait at one place are served by one read, made in the right of one of them, and
 * only after it are the others decided upon: nobody is given what was read after the end of its permission.
 */
export class SessionFeed {
  readonly readers = new Set<EventReader>();
  readonly #decide: DecideReaders;
  #rings = 0;
  #isDue = false;
  #isServing = false;

  constructor(decide: DecideReaders) {
    this.#decide = decide;
  }

  /** There may be events. */
  ring(): void {
    this.#rings++;
    this.#serveSoon();
  }

  /** The next events for the reader, once there are some. */
  next(reader: EventReader): Promise<Delivery> {
    const delivery = reader.wait();
    // It rang while the reader was busy with the events before, or those were not all that there were.
    if (reader.isWaiting && reader.readAfterRing !== this.#rings) this.#serveSoon();
    return delivery;
  }

  #serveSoon(): void {
    this.#isDue = true;
    if (!this.#isServing) void this.#serve();
  }

  async #serve(): Promise<void> {
    this.#isServing = true;
    while (this.#isDue) {
      this.#isDue = false;
      await this.#pass().catch((error: unknown) => {
        for (const reader of this.readers) if (reader.isWaiting) reader.fail(error);
      });
    }
    this.#isServing = false;
  }

  /** Serves those who wait, whoever is furthest back first; one read serves all whom it reaches. */
  async #pass(): Promise<void> {
    let waiting = [...this.readers].filter(({ isWaiting }) => isWaiting).sort((one, other) => one.offset - other.offset);
    for (let [lead] = waiting; lead; [lead] = waiting) {
      const first = lead;
      const { offset } = first;
      const ring = this.#rings;
      const page = await this.#read(first);
      if (page && page.nextOffset <= offset) {
        // Nor is there anything for the others, who are no further back.
        for (const reader of waiting) reader.readAfterRing = ring;
        return;
      }
      const others = waiting.filter((reader) => reader !== first && reader.isWaiting);
      if (page) {
        const reached = others.filter((reader) => reader.offset < page.nextOffset);
        const entitled = reached.length > 0 ? await this.#decide(reached) : new Map<EventReader, number>();
        for (const reader of [first, ...entitled.keys()]) {
          reader.readAfterRing = page.data.length < EVENTS_AT_ONCE ? ring : -1;
          reader.deliver(page.data, page.nextOffset);
        }
      } else if (others.length > 0) {
        // What one has lost, the others may have lost as well.
        await this.#decide(others);
      }
      waiting = others.filter(({ isWaiting }) => isWaiting);
    }
  }

  /** Null where the reader may not read this any more, who is to be decided upon again. */
  async #read(reader: EventReader): Promise<EventPage | null> {
    const { sessionId, offset, ctx } = reader;
    try {
      return await readEvents(ctx, { sessionId, minOffset: offset, kinds: null, limit: EVENTS_AT_ONCE });
    } catch (error) {
      if (!isGuardRejection(error) && !(error instanceof AppError)) throw error;
      reader.undecide();
      return null;
    }
  }
}
