/** Time and chance, as arguments. */
export interface Ports {
  now(): number;
  random(): number;
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}
