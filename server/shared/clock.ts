/** Where the time comes from; a parameter, so that a test proves a TTL without waiting for it. */
export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
