import type { SimErrorCode } from "../errors.ts";

/** What a shell is told; README lists them. */
export const EXIT = { done: 0, failed: 1, usage: 2, refused: 3, unavailable: 4, interrupted: 130, terminated: 143 } as const;

/** A command that was used wrongly; nothing was done. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Who calls may not, or there is no such thing for them; and what may go well in a while. */
const EXIT_OF_CODE: Partial<Record<SimErrorCode, number>> = {
  UNAUTHORIZED: EXIT.refused,
  FORBIDDEN: EXIT.refused,
  NOT_FOUND: EXIT.refused,
  RATE_LIMITED: EXIT.unavailable,
  SERVICE_UNAVAILABLE: EXIT.unavailable,
  CONNECTION: EXIT.unavailable,
  TIMEOUT: EXIT.unavailable,
};

export function exitOf(code: SimErrorCode): number {
  return EXIT_OF_CODE[code] ?? EXIT.failed;
}
