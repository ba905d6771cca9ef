import { randomBytes } from "node:crypto";
import { decryptContent, encryptContent } from "../audit/content-cipher.ts";
import type { KeyRing } from "../isolation/key-ring.ts";

const SECRET_BYTES = 32;

/** A new secret, in the form of Standard Webhooks. */
export function newEndpointSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString("base64")}`;
}

/** The secret as it is kept: under the workspace's own key, for this endpoint alone. */
export function sealSecret(keys: KeyRing, workspaceId: string, endpointId: string, secret: string): Buffer<ArrayBuffer> {
  return encryptContent(keys, { workspaceId, eventId: endpointId, field: "secret" }, secret);
}

/** The secret again; null where the key that it was kept under is gone. */
export function openSecret(keys: KeyRing, workspaceId: string, endpointId: string, sealed: Uint8Array): string | null {
  const secret = decryptContent(keys, { workspaceId, eventId: endpointId, field: "secret" }, sealed);
  return typeof secret === "string" ? secret : null;
}
