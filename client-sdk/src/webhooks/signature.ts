/*
 * Signatures of webhooks, made and checked side by side in three schemes:
 * standard  webhook-id, webhook-timestamp, webhook-signature: v1,<base64>   (Standard Webhooks 1.0)
 * sim       x-sim-signature or x-webhook-signature: t=<unix>,v1=<hex>       (Sim's own)
 * legacy    x-sim-signature: sha256=<hex>                                   (the body alone, so it can be replayed)
 * Each is an HMAC-SHA256 over bytes as they are sent, never over JSON that was parsed and written again.
 */

export type WebhookScheme = "standard" | "sim" | "legacy";

/** The bytes of a body; text stands for its UTF-8. */
export type WebhookBody = string | ArrayBuffer | Uint8Array;

/** A request's headers: those of fetch, or Node's with their names in lower case. */
export type WebhookHeaders = { get(name: string): string | null } | Record<string, string | string[] | undefined>;

export interface SignOptions {
  /** Newest first: the schemes that can carry several signatures carry one of each. `whsec_…` is base64, any other its UTF-8. */
  secrets: readonly string[];
  /** The delivery's id, the same for every try. The standard scheme signs it and needs it. */
  id?: string;
  scheme?: WebhookScheme;
  now?: number;
}

export interface VerifyOptions {
  /** All that may have signed; `whsec_…` is base64, any other its UTF-8. */
  secrets: readonly string[];
  /** Whether a signature of the body alone is accepted, which an eavesdropper can send again at any time. */
  allowLegacy?: boolean;
  /** How far the timestamp may lie from now, in the past and in the future. */
  toleranceSeconds?: number;
  now?: number;
}

export interface VerifiedWebhook {
  scheme: WebhookScheme;
  /** The id that was signed with the body, in the standard scheme. */
  id: string | undefined;
  /** When it was signed, in milliseconds; unknown in the legacy scheme. */
  signedAt: number | undefined;
}

/** stale: more than the tolerance from now, on either side. untimed: signed in the legacy scheme, which was not allowed. */
export type WebhookRefusal = "missing" | "malformed" | "stale" | "untimed" | "wrong";

/** A webhook that is not known to be authentic: to be answered with 401. */
export class WebhookVerificationError extends Error {
  override name = "WebhookVerificationError";
  readonly reason: WebhookRefusal;

  constructor(reason: WebhookRefusal) {
    super(`Signature is ${reason}`);
    this.reason = reason;
  }
}

const MAX_SIGNATURES = 8;
const ID = /^[!-~]{1,255}$/;
const encoder = new TextEncoder();

/**
 * The headers that sign the body at this moment; a try that is made later has to be signed anew.
 *
 * @throws TypeError where there is no secret, or the standard scheme has no id that a header can carry
 */
export async function sign(
  body: WebhookBody,
  { secrets, id, scheme = "standard", now = Date.now() }: SignOptions,
): Promise<Record<string, string>> {
  if (secrets.length === 0) throw new TypeError("A webhook is signed with at least one secret");
  const timestamp = `${Math.floor(now / 1_000)}`;
  const signAll = (signed: string[]) => Promise.all(secrets.map((secret) => hmac(secret, signed, body)));
  if (scheme === "standard") {
    // A full stop ends the id in what is signed.
    if (id === undefined || !ID.test(id) || id.includes(".")) {
      throw new TypeError("A webhook's id has 1 to 255 visible ASCII characters, none of them a full stop");
    }
    const signatures = (await signAll([id, timestamp])).map((mac) => `v1,${toBase64(mac)}`).join(" ");
    return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures };
  }
  if (scheme === "sim") {
    const signatures = (await signAll([timestamp])).map((mac) => `v1=${toHex(mac)}`);
    return { "x-sim-signature": [`t=${timestamp}`, ...signatures].join() };
  }
  const [newest] = await signAll([]);
  return { "x-sim-signature": `sha256=${toHex(newest ?? new Uint8Array())}` };
}

/**
 * What the signature vouches for. The first scheme that is present decides, and the body is to be parsed only after this.
 *
 * @throws WebhookVerificationError whatever is wrong with the headers or the signature; no other error comes of what was sent
 */
export async function verify(
  body: WebhookBody,
  headers: WebhookHeaders,
  { secrets, allowLegacy = false, toleranceSeconds = 300, now = Date.now() }: VerifyOptions,
): Promise<VerifiedWebhook> {
  const { scheme, signed, signatures } = readSignature(headers);
  if (signatures.length > MAX_SIGNATURES) throw new WebhookVerificationError("malformed");
  const timestamp = signed.at(-1);
  let signedAt: number | undefined;
  if (timestamp !== undefined) {
    if (!/^\d{1,13}$/.test(timestamp)) throw new WebhookVerificationError("malformed");
    // Some of Sim's senders count milliseconds.
    signedAt = Number(timestamp) * (scheme === "sim" && timestamp.length > 11 ? 1 : 1_000);
    // Written so that a tolerance that is no number refuses.
    if (!(Math.abs(now - signedAt) <= toleranceSeconds * 1_000)) throw new WebhookVerificationError("stale");
  } else if (!allowLegacy) throw new WebhookVerificationError("untimed");
  let isAuthentic = false;
  for (const secret of secrets) {
    const mac = await hmac(secret, signed, body);
    const expected = scheme === "standard" ? toBase64(mac) : toHex(mac);
    // Every secret with every signature, to the end: how long it takes says nothing of which one matched.
    for (const signature of signatures) isAuthentic = isSame(signature, expected) || isAuthentic;
  }
  if (!isAuthentic) throw new WebhookVerificationError("wrong");
  return { scheme, id: signed.at(-2), signedAt };
}

interface SentSignature {
  scheme: WebhookScheme;
  /** What is signed before the body, as it was sent: the id where there is one, the timestamp where there is one. */
  signed: string[];
  signatures: string[];
}

function readSignature(headers: WebhookHeaders): SentSignature {
  const standard = header(headers, "webhook-signature");
  if (standard) {
    const id = header(headers, "webhook-id");
    if (!ID.test(id)) throw new WebhookVerificationError("malformed");
    const signed = [id, header(headers, "webhook-timestamp")];
    return { scheme: "standard", signed, signatures: after("v1,", standard.split(" ")) };
  }
  const own = header(headers, "x-sim-signature") || header(headers, "x-webhook-signature");
  if (!own) throw new WebhookVerificationError("missing");
  const parts = own.split(",");
  const legacy = after("sha256=", parts);
  if (legacy[0]) return { scheme: "legacy", signed: [], signatures: legacy };
  const signed = after("t=", parts);
  if (signed.length !== 1) throw new WebhookVerificationError("malformed");
  return { scheme: "sim", signed, signatures: after("v1=", parts) };
}

/** The header's text; one that is absent is as one that is empty. */
function header(headers: WebhookHeaders, name: string): string {
  return `${(typeof headers["get"] === "function" ? headers["get"](name) : (headers as Record<string, unknown>)[name]) ?? ""}`;
}

/** What stands behind the prefix in those parts that have it; other versions of a signature are ignored. */
function after(prefix: string, parts: string[]): string[] {
  return parts.flatMap((part) => (part.startsWith(prefix) ? part.slice(prefix.length) : []));
}

async function hmac(secret: string, signed: string[], body: WebhookBody): Promise<Uint8Array> {
  const start = encoder.encode([...signed, ""].join("."));
  const rest = typeof body === "string" ? encoder.encode(body) : new Uint8Array(body);
  const content = new Uint8Array(start.length + rest.length);
  content.set(start);
  content.set(rest, start.length);
  const key = await crypto.subtle.importKey("raw", secretBytes(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, content));
}

function secretBytes(secret: string): Uint8Array<ArrayBuffer> {
  return secret.startsWith("whsec_")
    ? Uint8Array.from(atob(secret.slice(6)), (char) => char.charCodeAt(0))
    : (encoder.encode(secret) as Uint8Array<ArrayBuffer>);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join("");
}

/** Whether two texts are the same, in a time that depends on their lengths alone. */
function isSame(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let index = 0; index < other.length; index += 1) difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  return !difference;
}
