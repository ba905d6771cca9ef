import type { Clock } from "../shared/clock.ts";
import type { Check, Verdict } from "./run-check.ts";

/** A check of what no workspace has of its own. */
export interface ServerCheck {
  name: string;
  run(): Promise<Verdict>;
}

/** The check, made at most once within `ttlMs` however many workspaces it is asked for, and never twice at a time. */
export function sharedCheck(check: ServerCheck, { clock, ttlMs = 2_000 }: { clock: Clock; ttlMs?: number }): Check {
  let last: { endsAtMs: number; verdict: Promise<Verdict> } | undefined;
  return {
    name: check.name,
    run() {
      const nowMs = clock.now();
      if (last && last.endsAtMs > nowMs) return last.verdict;
      const begun = { endsAtMs: Number.POSITIVE_INFINITY, verdict: check.run() };
      const end = () => {
        begun.endsAtMs = nowMs + ttlMs;
      };
      begun.verdict.then(end, end);
      last = begun;
      return begun.verdict;
    },
  };
}
