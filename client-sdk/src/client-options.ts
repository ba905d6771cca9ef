import type { FetchResponse } from "./answer.ts";
import type { Ports } from "./ports.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_RETRIES = 2;
const MAX_TIMEOUT_MS = 2_147_483_647;

/** What is handed to fetch; the platform's own accepts it. */
export interface FetchInit {
  method: string;
  headers: Record<string, string>;
  body?: string;
  signal: AbortSignal;
  redirect: "manual";
  credentials?: "include";
}
export type FetchLike = (url: string, init: FetchInit) => Promise<FetchResponse>;

type MaybeAsync<Value> = Value | (() => Value | Promise<Value>);

/** One credential, or none: then the browser's cookies are sent. */
export type Credential =
  | { apiKey: string; token?: never; exchange?: never }
  /** A Sim session's signed token, an access token or an internal token; a function is asked before each try. */
  | { token: MaybeAsync<string>; apiKey?: never; exchange?: never }
  /** For a page on another host than Sim's: see oneTimeTokens. */
  | { exchange: Exchange; apiKey?: never; token?: never }
  | { apiKey?: never; token?: never; exchange?: never };

export type ClientOptions = Credential & {
  /** The server's address, with its base path where it has one: https://parlant.example.com, https://example.com/parlant. */
  baseUrl: string | URL;
  /** In place of the platform's fetch. */
  fetch?: FetchLike | undefined;
  /** Sent with each call; a function is asked before each try. */
  headers?: MaybeAsync<Record<string, string>> | undefined;
  /** Milliseconds for a whole call, its repetitions and waits included. 30 s unless given; Infinity for none. */
  timeoutMs?: number | undefined;
  /** How often a failed call is repeated, where that is safe. 2 unless given. */
  retries?: number | undefined;
};

/** How a client comes by its access tokens; made by oneTimeTokens. */
export type Exchange = (ports: Ports, client: ClientOptions) => ConnectedOptions;

/** What the client's parts are given: the token of an exchange stands for itself, and is renewed where it is refused. */
export type ConnectedOptions = ClientOptions & {
  /** Told the Authorization that a call was refused with, so that the next try has another. */
  onRefused?: (authorization: string | undefined) => void;
};

/** The address of the server's tRPC endpoint. */
export function trpcUrl(baseUrl: string | URL): string {
  return `${serverUrl(baseUrl)}/api/trpc`;
}

/** The server's address without a slash at its end. @throws TypeError where it is none, or holds more than that */
export function serverUrl(baseUrl: string | URL): string {
  const url = URL.canParse(String(baseUrl)) ? new URL(baseUrl) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new TypeError("baseUrl must be an absolute http or https URL, e.g. https://parlant.example.com");
  }
  // Not quoted: it may be the credential that is in the wrong place.
  if (url.username || url.password) throw new TypeError("baseUrl must not hold a credential; use apiKey or token");
  if (url.search || url.hash) throw new TypeError("baseUrl must end with its path, without ? or #");
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

interface CallLimits {
  timeoutMs: number | undefined;
  retries: number | undefined;
}

/** The time and repetitions of a call, its own options before the client's. */
export function callLimits(client: Partial<CallLimits>, call: Partial<CallLimits>): { timeoutMs: number; retries: number } {
  const timeoutMs = call.timeoutMs ?? client.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const retries = call.retries ?? client.retries ?? DEFAULT_RETRIES;
  if (timeoutMs !== Number.POSITIVE_INFINITY && !(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw new TypeError(`timeoutMs must be over 0 and at most ${MAX_TIMEOUT_MS}, or Infinity; got ${timeoutMs}`);
  }
  if (!Number.isInteger(retries) || retries < 0) throw new TypeError(`retries must be a whole number from 0; got ${retries}`);
  return { timeoutMs, retries };
}
