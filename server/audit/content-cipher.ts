import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { KeyRing } from "../isolation/key-ring.ts";
import type { JsonValue } from "../shared/json.ts";
import { lengthPrefixed } from "../shared/length-prefixed.ts";

/** Where a content stands: its ciphertext is good for this place alone. */
export interface ContentPlace {
  workspaceId: string;
  eventId: string;
  field: "before" | "after" | "secret";
}

const ALGORITHM = "aes-256-gcm";
const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Format, key version (32 bits), nonce; behind them the ciphertext and the tag. */
const HEADER_BYTES = 1 + 4 + NONCE_BYTES;

/** The content as it is kept: AES-256-GCM under the workspace's newest audit key, bound to its place. */
export function encryptContent(keys: KeyRing, place: ContentPlace, content: JsonValue): Buffer<ArrayBuffer> {
  const { version, key } = keys.current;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(FORMAT, 0);
  header.writeUInt32BE(version, 1);
  const nonce = randomBytes(NONCE_BYTES);
  nonce.copy(header, HEADER_BYTES - NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(additionalData(header, place));
  const text = Buffer.from(JSON.stringify(content));
  return Buffer.concat([header, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

/**
 * The content again; undefined where it cannot be read: its key is destroyed or no longer configured, or it is not what
 * was written at this place.
 */
export function decryptContent(keys: KeyRing, place: ContentPlace, stored: Uint8Array): JsonValue | undefined {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  if (bytes.length < HEADER_BYTES + TAG_BYTES || bytes.readUInt8(0) !== FORMAT) return undefined;
  const key = keys.byVersion.get(bytes.readUInt32BE(1));
  if (!key) return undefined;
  const header = bytes.subarray(0, HEADER_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, header.subarray(HEADER_BYTES - NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(additionalData(header, place))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()]);
    return JSON.parse(text.toString()) as JsonValue;
  } catch {
    return undefined; // the tag does not fit: another key, another place or other bytes
  }
}

function additionalData(header: Buffer, { workspaceId, eventId, field }: ContentPlace): Buffer {
  return Buffer.concat([header.subarray(0, HEADER_BYTES - NONCE_BYTES), lengthPrefixed([workspaceId, eventId, field])]);
}
