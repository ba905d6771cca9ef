/** Time and chance, as arguments. */
export interface Ports {
  now(): number;
  random(): number;
  /** Rejects with the signal's reason where that comes first. */
  wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void>;
}
