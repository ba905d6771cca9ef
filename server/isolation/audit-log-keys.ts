import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import {
  auditOrigin,
  formatNoteKey,
  importSigningKey,
  type NoteKey,
  noteKey,
  type SigningKey,
} from "../../client-sdk/src/audit/index.ts";

/** The keys of all workspaces' audit logs. The newest root secret signs; every one still configured verifies. */
export interface AuditLogKeys {
  signing: SigningKey;
  /** The public keys of one workspace's log, newest first: one key under a name for each log. */
  of(workspaceId: string): NoteKey[];
  /** The same as they are handed to clients. */
  publicKeysOf(workspaceId: string): string[];
  /** A tag for what a client carries from one call to the next. */
  tag(text: string): string;
  isTagOf(text: string, tag: string): boolean;
}

const KEY_BYTES = 32;

/** Derives them by HKDF-SHA256 (RFC 5869), so that the root secrets are all that an operator keeps. */
export async function deriveAuditLogKeys(rootSecrets: readonly string[]): Promise<AuditLogKeys> {
  const derive = (secret: string, purpose: string) => Buffer.from(hkdfSync("sha256", secret, "", purpose, KEY_BYTES));
  const signingKeys = await Promise.all(
    rootSecrets.map((secret) => importSigningKey(derive(secret, "parlant audit checkpoint"))),
  );
  const tagKeys = rootSecrets.map((secret) => derive(secret, "parlant audit export"));
  const [signing] = signingKeys;
  if (!signing) throw new Error("The audit log's keys need at least one root secret");
  const tags = (text: string) => tagKeys.map((key) => createHmac("sha256", key).update(text).digest());
  const of = (workspaceId: string) => signingKeys.map(({ publicKey }) => noteKey(auditOrigin(workspaceId), publicKey));
  return {
    signing,
    of,
    publicKeysOf: (workspaceId) => of(workspaceId).map(formatNoteKey),
    tag: (text) => tags(text)[0]?.toString("base64url") ?? "",
    isTagOf(text, tag) {
      const given = Buffer.from(tag, "base64url");
      return tags(text).some((expected) => given.length === expected.length && timingSafeEqual(given, expected));
    },
  };
}
