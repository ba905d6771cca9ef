import { createHash, createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";

/** The keys of one workspace: the newest one signs, every one still configured verifies. */
export interface BoundaryKeys {
  readonly current: { readonly version: number; readonly key: KeyObject };
  readonly byVersion: ReadonlyMap<number, KeyObject>;
}

/** What a boundary vouches for: that this row was made in this workspace, with this id, at this time. */
export interface BoundarySubject {
  kind: "agent";
  workspaceId: string;
  id: string;
  createdAt: Date;
}

const KEY_BYTES = 32;
const FORMAT_VERSION = "1";

/**
 * Derives a workspace's keys from the root secrets (newest first) and its own random salt, by HKDF-SHA256 (RFC 5869).
 * Without the salt no key can be made again, so deleting the salt destroys the workspace's keys.
 */
export function deriveBoundaryKeys(rootSecrets: readonly string[], salt: Uint8Array): BoundaryKeys {
  const keys = rootSecrets.map((secret) => ({
    version: secretVersion(secret),
    // As a KeyObject: given the bytes, Node would make one anew for every row (measured: 21 us a row instead of 4).
    key: createSecretKey(Buffer.from(hkdfSync("sha256", secret, salt, "parlant boundary", KEY_BYTES))),
  }));
  const [current] = keys;
  if (!current) throw new Error("Boundary keys need at least one root secret");
  return { current, byVersion: new Map(keys.map(({ version, key }) => [version, key])) };
}

/** The boundary of a row: HMAC-SHA256 in hex over its length-prefixed identity, with the version of the key. */
export function signBoundary(keys: BoundaryKeys, subject: BoundarySubject): { boundary: string; boundaryKeyVersion: number } {
  return { boundary: tag(keys.current.key, subject).toString("hex"), boundaryKeyVersion: keys.current.version };
}

const MAX_VERIFIED = 20_000;

/** Boundaries found good lately, with the key and identity that they are good for: an HMAC costs as much as the rest of a row. */
const verified = new LRUCache<string, BoundarySubject & { key: KeyObject }>({ max: MAX_VERIFIED });

/** Whether a row's boundary was made for exactly this identity with a key of this workspace; an unknown key version is not. */
export function verifyBoundary(
  keys: BoundaryKeys,
  subject: BoundarySubject,
  stored: { boundary: string; boundaryKeyVersion: number },
): boolean {
  const key = keys.byVersion.get(stored.boundaryKeyVersion);
  if (!key) return false;
  const known = verified.get(stored.boundary);
  if (known && known.key === key && isSame(known, subject)) return true;
  const given = Buffer.from(stored.boundary);
  const expected = Buffer.from(tag(key, subject).toString("hex"));
  const isValid = given.length === expected.length && timingSafeEqual(given, expected);
  if (isValid) verified.set(stored.boundary, { ...subject, key });
  return isValid;
}

function isSame(one: BoundarySubject, other: BoundarySubject): boolean {
  return (
    one.kind === other.kind &&
    one.workspaceId === other.workspaceId &&
    one.id === other.id &&
    one.createdAt.getTime() === other.createdAt.getTime()
  );
}

function tag(key: KeyObject, subject: BoundarySubject): Buffer {
  const parts = [FORMAT_VERSION, subject.kind, subject.workspaceId, subject.id, String(subject.createdAt.getTime())];
  return createHmac("sha256", key).update(lengthPrefixed(parts)).digest();
}

/** Each part behind its length in bytes, so that no two lists of parts make the same bytes. */
function lengthPrefixed(parts: readonly string[]): Buffer {
  const lengths = parts.map((part) => Buffer.byteLength(part));
  const bytes = Buffer.allocUnsafe(lengths.reduce((total, length) => total + 4 + length, 0));
  let offset = 0;
  parts.forEach((part, index) => {
    offset = bytes.writeUInt32BE(lengths[index] ?? 0, offset);
    offset += bytes.write(part, offset);
  });
  return bytes;
}

/** A name of a root secret that stays the same while others come and go: 31 bits of its hash. */
function secretVersion(secret: string): number {
  return createHash("sha256").update("parlant boundary key version\0").update(secret).digest().readUInt32BE() >>> 1;
}
