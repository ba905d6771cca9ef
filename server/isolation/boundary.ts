import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import { lengthPrefixed } from "../shared/length-prefixed.ts";
import { deriveKeyRing, type KeyRing } from "./key-ring.ts";

/** The keys of one workspace: those of its boundaries, and beside them those under which its audit trail's content is kept. */
export interface BoundaryKeys extends KeyRing {
  readonly audit: KeyRing;
}

/** The kinds of rows that carry a boundary. */
export const SIGNED_KINDS = ["agent", "session"] as const;
export type SignedKind = (typeof SIGNED_KINDS)[number];

/** What a boundary vouches for: that this row was made in this workspace, with this id, at this time. */
export interface BoundarySubject {
  kind: SignedKind;
  workspaceId: string;
  id: string;
  createdAt: Date;
}

const FORMAT_VERSION = "1";

/** Derives a workspace's keys from the root secrets (newest first) and its own random salt, as deriveKeyRing does. */
export function deriveBoundaryKeys(rootSecrets: readonly string[], salt: Uint8Array): BoundaryKeys {
  return {
    ...deriveKeyRing(rootSecrets, salt, "parlant boundary"),
    audit: deriveKeyRing(rootSecrets, salt, "parlant audit"),
  };
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
