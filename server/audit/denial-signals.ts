import { LRUCache } from "lru-cache";
import { type Principal, principalId } from "../auth/principal.ts";
import type { Clock } from "../shared/clock.ts";
import { AppError } from "../shared/errors.ts";

/** Who was refused: a verified principal, or the address from which a credential came that is none. */
export type Refused = { principal: Principal } | { address: string };

/** Repeated refusals within one window, as the trail of one workspace is told of them. */
export interface RepeatedDenials {
  principal: Principal;
  workspaceId: string;
  /** The attempts in this workspace alone. */
  attempts: number;
}

export interface DenialCounters {
  /** Refusals that were counted. */
  refusals: number;
  /** Windows in which one caller was refused again and again. */
  repeated: number;
  /** Calls answered 429 because of it. */
  slowed: number;
}

export interface DenialSignals {
  readonly counters: Readonly<DenialCounters>;
  /** Counts a refusal; `workspaceId` is what the call named, whether or not it is there. */
  count(who: Refused, workspaceId: string | null): void;
  /** @throws AppError RATE_LIMITED where the caller has been refused too often in its present minute */
  assertNotSlowed(who: Refused): void;
}

const WINDOW_MS = 60_000;
const MAX_CALLERS = 50_000;
const MAX_WORKSPACES_PER_CALLER = 50;
/** So many refusals in a window are repeated ones. */
const REPEATED_AFTER = 10;

interface Window {
  endsAtMs: number;
  count: number;
  isRepeated: boolean;
  /** The attempts by workspace; those that were told already are -1. */
  attempts: Map<string, number>;
}

/**
 * Counts refusals by caller and minute, in bounded memory. Every refusal counts alike, so that a 429 tells nothing of
 * what was refused. A principal is known by its verified credential, so nobody can use up another's minute; addresses
 * are counted for credentials that are none, and never stand in the way of a good one.
 */
export function createDenialSignals(options: {
  /** Refusals in a minute after which a caller is slowed down; 0 for never. */
  limitPerMinute: number;
  clock: Clock;
  raise(event: RepeatedDenials): void;
}): DenialSignals {
  const { limitPerMinute, clock, raise } = options;
  // Apart, because addresses are free to make up by the thousand and must not crowd out principals.
  const principals = new LRUCache<string, Window>({ max: MAX_CALLERS });
  const addresses = new LRUCache<string, Window>({ max: MAX_CALLERS });
  const counters: DenialCounters = { refusals: 0, repeated: 0, slowed: 0 };
  const repeatedAfter = limitPerMinute > 0 ? Math.min(REPEATED_AFTER, limitPerMinute) : REPEATED_AFTER;

  function present(who: Refused): { windows: LRUCache<string, Window>; key: string; window: Window | undefined } {
    const windows = "principal" in who ? principals : addresses;
    const key = "principal" in who ? `${who.principal.kind}:${principalId(who.principal)}` : network(who.address);
    const window = windows.get(key);
    return { windows, key, window: window && window.endsAtMs > clock.now() ? window : undefined };
  }

  function tell(principal: Principal, window: Window): void {
    for (const [workspaceId, attempts] of window.attempts) {
      if (attempts < 0) continue;
      window.attempts.set(workspaceId, -1);
      raise({ principal, workspaceId, attempts });
    }
  }

  return {
    counters,
    count(who, workspaceId) {
      counters.refusals++;
      const { windows, key, window: known } = present(who);
      const window = known ?? { endsAtMs: clock.now() + WINDOW_MS, count: 0, isRepeated: false, attempts: new Map() };
      if (!known) windows.set(key, window);
      window.count++;
      if (workspaceId !== null && "principal" in who) {
        const attempts = window.attempts.get(workspaceId) ?? 0;
        const hasRoom = window.attempts.has(workspaceId) || window.attempts.size < MAX_WORKSPACES_PER_CALLER;
        if (attempts >= 0 && hasRoom) window.attempts.set(workspaceId, attempts + 1);
      }
      if (window.count < repeatedAfter) return;
      if (!window.isRepeated) counters.repeated++;
      window.isRepeated = true;
      if ("principal" in who) tell(who.principal, window);
    },
    assertNotSlowed(who) {
      if (limitPerMinute === 0) return;
      const { window } = present(who);
      if (!window || window.count < limitPerMinute) return;
      counters.slowed++;
      throw new AppError("RATE_LIMITED", "Too many calls were refused in a minute; try again later", {
        retryAfterSeconds: (window.endsAtMs - clock.now()) / 1_000,
      });
    },
  };
}

/** An IPv6 address is one of the many that its holder has: the first 64 bits are the network's (RFC 4291, section 2.5.4). */
function network(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = [], tail] = address.split("::").map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const groups = [...head, ...Array<string>(zeros).fill("0"), ...(tail ?? [])].slice(0, 4);
  return groups.map((group) => group.toLowerCase().replace(/^0+(?=.)/, "")).join(":");
}
