/** Lets so many holders work at a time. */
export interface Turns {
  /**
   * A turn, ended by calling what this resolves to, once; null where none was free in time. A holder that has one shares
   * it with itself, so that none has several.
   */
  take(holder: string): Promise<(() => void) | null>;
}

/** Those who wait have their turns in the order in which they came. */
export function createTurns({ atATime, waitMs }: { atATime: number; waitMs: number }): Turns {
  /** How many ends are still to be called for each. */
  const holders = new Map<string, number>();
  const waiting = new Set<() => void>();

  const begin = (holder: string): (() => void) => {
    holders.set(holder, (holders.get(holder) ?? 0) + 1);
    return () => {
      const left = (holders.get(holder) ?? 0) - 1;
      if (left > 0) holders.set(holder, left);
      else holders.delete(holder);
      for (const next of waiting) if (holders.size < atATime) next();
    };
  };
  return {
    async take(holder) {
      if (holders.has(holder) || holders.size < atATime) return begin(holder);
      return new Promise((resolve) => {
        const next = () => {
          waiting.delete(next);
          clearTimeout(timer);
          resolve(begin(holder));
        };
        const timer = setTimeout(() => {
          waiting.delete(next);
          resolve(null);
        }, waitMs);
        waiting.add(next);
      });
    },
  };
}
