import { findSimError } from "./answer.ts";
import type { SubscriptionHandlers, TrpcCallOptions } from "./call.ts";

/** What a reader may have waiting; beyond it the subscription ends, and the reader takes another one from where it is. */
const MAX_WAITING = 1_000;

/** A subscription to be read as it suits its reader. */
export interface EventQueue<Item> {
  /** Whether the server has begun to stream. */
  readonly hasStarted: boolean;
  /** The next item; undefined where no more come, though there may be more. Rejects with what ended the subscription. */
  next(): Promise<Item | undefined>;
  close(): void;
}

/** Subscribes at once. */
export function openQueue<Item>(
  subscribe: (options: TrpcCallOptions & SubscriptionHandlers<Item>) => { unsubscribe(): void },
  options: TrpcCallOptions,
): EventQueue<Item> {
  const items: Item[] = [];
  let hasStarted = false;
  let end: { error?: unknown } | undefined;
  let arrive = () => {};
  const finish = (how: { error?: unknown }) => {
    end ??= how;
    arrive();
  };
  const subscription = subscribe({
    ...options,
    onStarted: () => {
      hasStarted = true;
    },
    onData(item) {
      if (end) return;
      items.push(item.data);
      arrive();
      if (items.length < MAX_WAITING) return;
      finish({});
      subscription.unsubscribe();
    },
    onError: (error) => finish({ error: findSimError(error) ?? error }),
    onComplete: () => finish({}),
  });
  return {
    get hasStarted() {
      return hasStarted;
    },
    async next() {
      while (items.length === 0 && !end) {
        await new Promise<void>((resolve) => {
          arrive = resolve;
        });
      }
      const item = items.shift();
      if (item === undefined && end && "error" in end) throw end.error;
      return item;
    },
    close: () => subscription.unsubscribe(),
  };
}
