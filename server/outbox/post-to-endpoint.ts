import { lookup as resolveHost } from "node:dns/promises";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { type EndpointRules, hostOf } from "./endpoint-rules.ts";

export interface EndpointPost {
  url: string;
  headers: Record<string, string>;
  body: string;
  timeoutMs: number;
  /** Ends it early. */
  signal: AbortSignal;
}

/** What came of a try: the answer's status, or why there is none, in words that tell nothing but that. */
export type PostOutcome = { status: number; retryAfterSeconds: number | null } | { error: string };

export type PostToEndpoint = (post: EndpointPost) => Promise<PostOutcome>;

interface Resolved {
  address: string;
  family: number;
}

const MAX_RESPONSE_BYTES = 16 * 1024;
const SECONDS = /^\d{1,9}$/;

class ForbiddenAddressError extends Error {
  override name = "ForbiddenAddressError";
}

/**
 * Posts to addresses that the rules allow, and to no other. A host is resolved once for each try; all of its addresses
 * have to be allowed, and the connection is made to one of these very addresses, so that no later answer of the resolver
 * counts. No redirect is followed, no connection is shared, and of the answer's body a little is read and nothing kept.
 */
export function createPostToEndpoint(
  rules: EndpointRules,
  resolve: (host: string) => Promise<Resolved[]> = (host) => resolveHost(host, { all: true }),
): PostToEndpoint {
  const lookup: LookupFunction = (host, options, done) => {
    const answer = async (): Promise<Resolved[]> => {
      const addresses = await resolve(host);
      if (addresses.length === 0 || !addresses.every(({ address }) => rules.allowsAddress(address)))
        throw new ForbiddenAddressError();
      return addresses;
    };
    answer().then(
      (addresses) => {
        const [first] = addresses;
        if (options.all) done(null, addresses);
        else done(null, first?.address ?? "", first?.family ?? 0);
      },
      (error: NodeJS.ErrnoException) => done(error, ""),
    );
  };
  return async ({ url: text, headers, body, timeoutMs, signal }) => {
    // The rules may have become stricter since the endpoint was made.
    if (rules.problemOf(text) !== null) return { error: "The URL is not allowed here" };
    const url = new URL(text);
    // An IP address is not looked up.
    if (isIP(hostOf(url)) !== 0 && !rules.allowsAddress(hostOf(url))) return { error: NOT_PUBLIC };
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      return await exchange(url, { headers, body, lookup, signal: AbortSignal.any([deadline, signal]) });
    } catch (error) {
      if (deadline.aborted) return { error: `No answer within ${timeoutMs / 1_000} s` };
      if (signal.aborted) throw error;
      return { error: reasonOf(error) };
    }
  };
}

const NOT_PUBLIC = "The host's address is not public";

function exchange(
  url: URL,
  {
    headers,
    body,
    lookup,
    signal,
  }: { headers: Record<string, string>; body: string; lookup: LookupFunction; signal: AbortSignal },
): Promise<PostOutcome> {
  const { promise, resolve, reject } = Promise.withResolvers<PostOutcome>();
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const bytes = Buffer.from(body);
  const request: ClientRequest = send(url, {
    method: "POST",
    // One of its own: a kept connection would have been checked for another try.
    agent: false,
    lookup,
    signal,
    headers: { ...headers, "content-length": bytes.length, connection: "close" },
  });
  request.on("error", reject);
  let isAnswered = false;
  request.on("close", () => {
    if (!isAnswered) reject(new Error("The connection was closed"));
  });
  request.on("upgrade", (_response, socket) => socket.destroy());
  request.on("response", (response) => {
    isAnswered = true;
    drain(response).then(() => resolve(outcomeOf(response)), reject);
  });
  request.end(bytes);
  return promise;
}

/** Reads to the end, or as much as is read at all. */
async function drain(response: IncomingMessage): Promise<void> {
  let read = 0;
  for await (const chunk of response) {
    read += (chunk as Buffer).length;
    if (read > MAX_RESPONSE_BYTES) break; // which closes the connection
  }
}

function outcomeOf({ statusCode = 0, headers }: IncomingMessage): PostOutcome {
  const retryAfter = headers["retry-after"] ?? "";
  return { status: statusCode, retryAfterSeconds: SECONDS.test(retryAfter) ? Number(retryAfter) : null };
}

function reasonOf(error: unknown): string {
  if (error instanceof ForbiddenAddressError) return NOT_PUBLIC;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? "";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "The host's name does not resolve";
  if (code === "ECONNREFUSED") return "The connection was refused";
  return /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? `The connection failed (${code})` : "The connection failed";
}
