import { type FetchResponse, readAnswer } from "../answer.ts";
import { callLimits, type FetchInit, type FetchLike, serverUrl } from "../client-options.ts";
import { type Deadline, openDeadline, waitFor } from "../deadline.ts";
import { ConnectionError, InvalidResponseError } from "../error-classes.ts";
import { SimParlantError } from "../errors.ts";
import { newIdempotencyKey } from "../idempotency-key.ts";
import type { Ports } from "../ports.ts";
import { backoffMs, isRetryable } from "../retry.ts";
import type { PermissionUpdate, WorkspaceEvent } from "./events.ts";
import { sign } from "./signature.ts";

/** How one event is sent. */
export interface SendOptions {
  /** Ends the sending, also between two tries. */
  signal?: AbortSignal | undefined;
  /** The delivery's id, a new one unless given: what is sent again under the same id has one effect. */
  id?: string | undefined;
  /** Milliseconds for all tries and the waits between them. 30 s unless given; Infinity for none. */
  timeoutMs?: number | undefined;
  /** Milliseconds for one try. 10 s unless given. */
  tryTimeoutMs?: number | undefined;
  /** How often it is sent again after a lost connection, 429 or 5xx. 3 unless given. */
  retries?: number | undefined;
}

export interface SenderOptions extends Omit<SendOptions, "signal" | "id"> {
  /** The server's address, with its base path where it has one. */
  baseUrl: string | URL;
  /** SIM_WEBHOOK_SECRET; of several, each signs. `whsec_…` is base64, any other its UTF-8. */
  secret: string | readonly string[];
  /** In place of the platform's fetch. */
  fetch?: FetchLike | undefined;
}

/** That the event is stored, and will have its effect. */
export interface SentWebhook {
  deliveryId: string;
  /** Whether the server had it already, from an earlier try whose answer was lost. */
  duplicate: boolean;
}

export interface WebhookSender {
  /** Tells the server one event. @throws SimParlantError where it is not known to have taken it */
  send(event: WorkspaceEvent | PermissionUpdate, options?: SendOptions): Promise<SentWebhook>;
}

const PORTS: Ports = { now: Date.now, random: Math.random, wait: waitFor };
const DEFAULT_RETRIES = 3;
const DEFAULT_TRY_TIMEOUT_MS = 10_000;

/**
 * A sender of Sim's events to the server at `baseUrl`.
 *
 * @throws TypeError where an option is not usable
 */
export function createSender(options: SenderOptions): WebhookSender {
  return createSenderWith(PORTS, options);
}

/**
 * Tells the server one event.
 *
 * @throws SimParlantError where the server is not known to have taken it; TypeError where an option is not usable
 */
export async function send(
  event: WorkspaceEvent | PermissionUpdate,
  { signal, id, ...options }: SenderOptions & SendOptions,
): Promise<SentWebhook> {
  return createSender(options).send(event, { signal, id });
}

/** createSender under another clock. */
export function createSenderWith(ports: Ports, options: SenderOptions): WebhookSender {
  const base = `${serverUrl(options.baseUrl)}/api/v1/sim-integration/webhooks`;
  const secrets = typeof options.secret === "string" ? [options.secret] : options.secret;
  if (secrets.length === 0 || secrets.includes("")) throw new TypeError("secret must not be empty");
  const limitsOf = (call: SendOptions) => ({
    ...callLimits({ retries: DEFAULT_RETRIES, ...given(options) }, call),
    tryTimeoutMs: callLimits({}, { timeoutMs: call.tryTimeoutMs ?? options.tryTimeoutMs ?? DEFAULT_TRY_TIMEOUT_MS }).timeoutMs,
  });
  limitsOf({});

  return {
    async send(event, call = {}) {
      const limits = limitsOf(call);
      const delivery: Delivery = {
        url: `${base}/${event.event_type === undefined ? "permission-updates" : "workspace-events"}`,
        id: call.id ?? newIdempotencyKey(),
        // Written once: every try sends the same bytes, whatever becomes of the event meanwhile.
        body: JSON.stringify({ ...event, timestamp: event.timestamp ?? new Date(ports.now()).toISOString() }),
        secrets,
        fetch: options.fetch ?? ((url, sent) => globalThis.fetch(url, sent)),
      };
      const endsAt = ports.now() + limits.timeoutMs;
      const deadline = openDeadline(limits.timeoutMs, call.signal);
      try {
        for (let attempt = 0; ; attempt += 1) {
          const outcome = await attemptDelivery(ports, delivery, limits.tryTimeoutMs, deadline);
          if (!SimParlantError.is(outcome)) return outcome;
          // The server knows the delivery by its id, so a try too many is one of no effect.
          const isWorthwhile = isRetryable(outcome, true) || outcome.code === "TIMEOUT";
          const waitMs = isWorthwhile && attempt < limits.retries ? backoffMs(attempt, outcome.retryAfterMs, ports.random) : null;
          if (waitMs === null || ports.now() + waitMs >= endsAt) throw outcome;
          await ports.wait(waitMs, deadline.signal);
        }
      } finally {
        deadline.close();
      }
    },
  };
}

interface Delivery {
  url: string;
  id: string;
  body: string;
  secrets: readonly string[];
  fetch: FetchLike;
}

/** One try, signed at its own time: the answer, or why there is none. */
async function attemptDelivery(
  ports: Ports,
  { url, id, body, secrets, fetch }: Delivery,
  tryTimeoutMs: number,
  whole: Deadline,
): Promise<SentWebhook | SimParlantError> {
  const signature = await sign(body, { secrets, id, now: ports.now() });
  const deadline = openDeadline(tryTimeoutMs, whole.signal);
  const init: FetchInit = {
    method: "POST",
    headers: { "content-type": "application/json", ...signature },
    body,
    signal: deadline.signal,
    redirect: "manual",
  };
  try {
    return await deadline.race(fetch(url, init).then((response) => readSent(response, ports.now())));
  } catch (cause) {
    if (whole.signal.aborted) throw whole.signal.reason;
    if (SimParlantError.is(cause)) return cause;
    return new ConnectionError("The server could not be reached, or the connection broke", { cause });
  } finally {
    deadline.close();
  }
}

async function readSent(response: FetchResponse, now: number): Promise<SentWebhook | SimParlantError> {
  const text = await response.text();
  const { status, headers } = response;
  if (status >= 200 && status < 300) {
    const sent = parseSent(text);
    if (sent) return sent;
  }
  const { error } = await readAnswer({ status, headers, text: async () => text }, now);
  return error ?? new InvalidResponseError("The answer is not this server's; is baseUrl right?", { status });
}

function parseSent(text: string): SentWebhook | null {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null || !("deliveryId" in body) || !("duplicate" in body)) return null;
    const { deliveryId, duplicate } = body;
    return typeof deliveryId === "string" && typeof duplicate === "boolean" ? { deliveryId, duplicate } : null;
  } catch {
    return null; // another server's page, which the caller is told of
  }
}

/** The limits that were given; an undefined one is as one that was left out. */
function given({ timeoutMs, retries }: SenderOptions): { timeoutMs?: number; retries?: number } {
  return { ...(timeoutMs !== undefined && { timeoutMs }), ...(retries !== undefined && { retries }) };
}
