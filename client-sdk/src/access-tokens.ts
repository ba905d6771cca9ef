import { type FetchResponse, readAnswer } from "./answer.ts";
import {
  type ClientOptions,
  type ConnectedOptions,
  callLimits,
  type Exchange,
  type FetchLike,
  serverUrl,
} from "./client-options.ts";
import { type Deadline, openDeadline } from "./deadline.ts";
import { ConnectionError, InvalidResponseError } from "./error-classes.ts";
import { SimParlantError } from "./errors.ts";
import type { Ports } from "./ports.ts";
import { backoffMs, isRetryable } from "./retry.ts";

/** Renewed so long before its end, so that no call is under way when it comes. */
const MARGIN_MS = 20_000;
/** Bounds of how long a token is used, for a clock that goes wrong: one that has ended is found out by its 401. */
const SHORTEST_USE_MS = 40_000;
const LONGEST_USE_MS = 5 * 60_000 - MARGIN_MS;

interface AccessToken {
  value: string;
  usedUntil: number;
}

/**
 * Signs a page in that is on another host than Sim's. `takeToken` gets a one-time token from Sim; it is exchanged for an
 * access token when a call needs one, once for all that wait, which is used until shortly before its end and given up
 * where the server refuses it.
 */
export function oneTimeTokens(takeToken: () => string | Promise<string>): Exchange {
  return (ports, client) => withAccessTokens(ports, client, takeToken);
}

function withAccessTokens(ports: Ports, client: ClientOptions, takeToken: () => string | Promise<string>): ConnectedOptions {
  let known: AccessToken | undefined;
  let underWay: Promise<AccessToken> | undefined;
  const renew = () => {
    underWay ??= requestToken(ports, client, takeToken)
      .then((token) => {
        known = token;
        return token;
      })
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  };
  const { apiKey: _, exchange: __, ...others } = client;
  return {
    ...others,
    token: async () => (known && ports.now() < known.usedUntil ? known : await renew()).value,
    onRefused(authorization) {
      if (known && authorization === `Bearer ${known.value}`) known = undefined;
    },
  };
}

/** Each try takes a one-time token of its own: the server may have used up an earlier one whose answer was lost. */
async function requestToken(
  ports: Ports,
  client: ClientOptions,
  takeToken: () => string | Promise<string>,
): Promise<AccessToken> {
  const { timeoutMs, retries } = callLimits(client, {});
  const deadline = openDeadline(timeoutMs, undefined);
  const endsAt = ports.now() + timeoutMs;
  try {
    for (let attempt = 0; ; attempt += 1) {
      const token = await deadline.race((async () => takeToken())());
      const outcome = await attemptExchange(ports, client, token, deadline);
      if (!SimParlantError.is(outcome)) return outcome;
      const waitMs =
        attempt < retries && isRetryable(outcome, true) ? backoffMs(attempt, outcome.retryAfterMs, ports.random) : null;
      if (waitMs === null || ports.now() + waitMs >= endsAt) throw outcome;
      await ports.wait(waitMs, deadline.signal);
    }
  } finally {
    deadline.close();
  }
}

async function attemptExchange(
  ports: Ports,
  { baseUrl, fetch }: ClientOptions,
  token: string,
  deadline: Deadline,
): Promise<AccessToken | SimParlantError> {
  const send: FetchLike = fetch ?? ((url, init) => globalThis.fetch(url, init));
  const init = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
    signal: deadline.signal,
    redirect: "manual",
  } as const;
  try {
    return await deadline.race(
      send(`${serverUrl(baseUrl)}/api/v1/auth/exchange`, init).then((response) => readToken(response, ports.now())),
    );
  } catch (cause) {
    if (deadline.signal.aborted) throw deadline.signal.reason;
    return new ConnectionError("The server could not be reached, or the connection broke", { cause });
  }
}

async function readToken(response: FetchResponse, now: number): Promise<AccessToken | SimParlantError> {
  const { status, headers } = response;
  const text = await response.text();
  try {
    const { accessToken, expiresAt } = JSON.parse(text) as { accessToken?: unknown; expiresAt?: unknown };
    if (status === 200 && typeof accessToken === "string" && typeof expiresAt === "string") {
      const leftMs = Date.parse(expiresAt) - now - MARGIN_MS;
      return { value: accessToken, usedUntil: now + Math.min(Math.max(leftMs || 0, SHORTEST_USE_MS), LONGEST_USE_MS) };
    }
  } catch {
    // another server's page: the status tells what it means
  }
  const { error } = await readAnswer({ status, headers, text: async () => text }, now);
  return error ?? new InvalidResponseError("The answer is not this server's; is baseUrl right?", { status });
}
