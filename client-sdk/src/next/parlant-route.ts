import { callLimits, serverUrl } from "../client-options.ts";
import { answeredHeaders, checkForwarded, forwardedHeaders } from "./forwarded-headers.ts";
import { type Refusal, refuse, requestIdOf } from "./refusal.ts";
import { checkPrefix, ownLocation, servedPath } from "./route-path.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;
const DEFAULT_PREFIX = "/api/parlant";
/** The server waits up to 25 s for events, and gives itself 30 s for a request. */
const DEFAULT_TIMEOUT_MS = 40_000;

export interface ParlantRouteOptions {
  /**
   * The server's address, with its base path where it has one. Next.js also loads a route when it builds: a function is
   * asked only when there is a request, so that a variable of the environment may be missing until then.
   */
  baseUrl: string | URL | (() => string | URL);
  /** The path at which the catch-all route lies, Next.js' `basePath` included. /api/parlant unless given. */
  prefix?: string | undefined;
  /** Headers of the page's that go on to the server besides those that it needs, such as authorization. */
  alsoForward?: readonly string[] | undefined;
  /** Milliseconds for the server to begin an answer; a stream lasts as long as it lasts. 40 s unless given. */
  timeoutMs?: number | undefined;
  /** In place of the platform's fetch. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
}

export type RouteHandler = (request: Request) => Promise<Response>;
export type ParlantRoute = Record<(typeof METHODS)[number] | "OPTIONS", RouteHandler>;

const NOT_SERVED: Refusal = { status: 404, code: "NOT_FOUND", message: "Nothing is served at this path" };
const CROSS_SITE: Refusal = { status: 403, code: "FORBIDDEN", message: "This route is for the pages of its own origin" };
const REDIRECTED: Refusal = {
  status: 502,
  code: "SERVICE_UNAVAILABLE",
  message: "The server redirects elsewhere; set baseUrl to its final address",
};
const UNREACHABLE: Refusal = { status: 502, code: "SERVICE_UNAVAILABLE", message: "The server could not be reached" };

/**
 * The handlers of a catch-all route by which Sim's own pages call the server, as the user whose session cookie they send.
 *
 * They forward /api/trpc and /api/v1 below the prefix and nothing else, in both directions as it comes. Requests that a
 * browser makes for a page of another origin are refused: a cookie would go along that the server's own rules about
 * origins keep from such pages.
 *
 * @throws TypeError where an option is not usable
 */
export function createParlantRoute(options: ParlantRouteOptions): ParlantRoute {
  const { baseUrl } = options;
  const findServer = () => serverUrl(typeof baseUrl === "function" ? baseUrl() : baseUrl);
  if (typeof baseUrl !== "function") findServer();
  const prefix = checkPrefix(options.prefix ?? DEFAULT_PREFIX);
  const alsoForwarded = checkForwarded(options.alsoForward ?? []);
  const { timeoutMs } = callLimits({ timeoutMs: DEFAULT_TIMEOUT_MS }, { timeoutMs: options.timeoutMs });
  if (timeoutMs === Number.POSITIVE_INFINITY) throw new TypeError("timeoutMs must have an end: no page waits for ever");
  const send = options.fetch ?? ((url: string, init: RequestInit) => globalThis.fetch(url, init));

  const forward: RouteHandler = async (request) => {
    const requestId = requestIdOf(request.headers.get("x-request-id"));
    const path = servedPath(new URL(request.url), prefix);
    if (path === null) return refuse(NOT_SERVED, requestId);
    if (isOfAnotherOrigin(request)) return refuse(CROSS_SITE, requestId);
    const server = findServer();
    const headers = forwardedHeaders(request.headers, alsoForwarded);
    headers.set("x-request-id", requestId);
    const begun = beginWithin(timeoutMs, request.signal);
    let answer: Response;
    try {
      answer = await send(`${server}${path}`, forwardedInit(request, headers, begun.signal));
    } catch {
      return refuse(UNREACHABLE, requestId);
    } finally {
      begun.stopClock();
    }
    if (isRedirect(answer)) {
      await answer.body?.cancel();
      return refuse(REDIRECTED, requestId);
    }
    const answered = answeredHeaders(answer.headers);
    const location = answer.headers.get("location");
    const own = location === null ? null : ownLocation(location, new URL(server), prefix);
    if (own !== null) answered.set("location", own);
    return new Response(answer.body, { status: answer.status, headers: answered });
  };
  // A page of this origin asks for no leave; one of another is given none.
  const OPTIONS: RouteHandler = async () =>
    new Response(null, { status: 204, headers: { allow: [...METHODS, "OPTIONS"].join(", ") } });
  return { GET: forward, HEAD: forward, POST: forward, PUT: forward, PATCH: forward, DELETE: forward, OPTIONS };
}

/** Whether the browser says so. None of today's leaves it out, and no page can write it. */
function isOfAnotherOrigin({ headers }: Request): boolean {
  return ["cross-site", "same-site"].includes(headers.get("sec-fetch-site") ?? "");
}

/** A browser's fetch makes an opaque answer of a redirect, with the status 0. */
function isRedirect({ status }: Response): boolean {
  return status === 0 || (status >= 300 && status < 400 && status !== 304);
}

function forwardedInit(request: Request, headers: Headers, signal: AbortSignal): RequestInit {
  return {
    method: request.method,
    headers,
    signal,
    redirect: "manual",
    // Next.js keeps answers of GET otherwise, whoever asked.
    cache: "no-store",
    ...(request.body && { body: request.body, duplex: "half" }),
  };
}

/** A signal that ends with the page's request, and after so long until the clock is stopped. */
function beginWithin(timeoutMs: number, outer: AbortSignal): { signal: AbortSignal; stopClock(): void } {
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(), timeoutMs);
  return { signal: AbortSignal.any([outer, clock.signal]), stopClock: () => clearTimeout(timer) };
}
