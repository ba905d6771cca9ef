import { type Bytes, concatBytes, fromBase64, fromUtf8, toBase64, utf8 } from "./bytes.ts";
import { canonicalJson } from "./canonical-json.ts";
import { auditOrigin } from "./checkpoint.ts";
import type { AuditLeaf } from "./leaf.ts";
import { HASH_BYTES } from "./merkle.ts";
import type { LeafRange } from "./proofs.ts";
import { NoteError, type NoteKey, noteKey, openNote, type SigningKey, signNote, splitNote } from "./signed-note.ts";

/*
 * A log keeps the hashes of its events for good and the events themselves for a time. Before events go, the log says of
 * which places: in an event whose content is a note under the log's key, in the clear. The note names the tree that the
 * log was when the event took its place behind it, so that it is good for this log at this place alone.
 */

export const RETENTION_ACTION = "audit.retention";

/** What a log says of events that are no longer kept. */
export interface Retention {
  /** The log as it was: the event that says so has the place behind it. */
  treeSize: number;
  rootHash: Bytes;
  /** Where the events were, the last place of each range excluded. */
  places: readonly LeafRange[];
  /** ISO 8601 in UTC. */
  expiredAt: string;
  /** The month that the events were of. */
  period: string;
  /** Who had them dropped. */
  by: string;
}

/** What one note can name. */
export const MAX_RETENTION_RANGES = 400;

/** The first byte of a content that is no ciphertext. */
const IN_THE_CLEAR = 2;

function retentionOrigin(origin: string): string {
  return `${origin}/retention`;
}

/** The retention as the content of its event. */
export async function sealRetention(workspaceId: string, retention: Retention, key: SigningKey): Promise<Bytes> {
  const name = retentionOrigin(auditOrigin(workspaceId));
  const json = canonicalJson({ ...retention, rootHash: toBase64(retention.rootHash) });
  return concatBytes(Uint8Array.of(IN_THE_CLEAR), utf8(await signNote(`${name}\n${json}\n`, name, key)));
}

/** What an event's content says, whoever signed it; null where it is no retention of this workspace's log. */
export function readUnverifiedRetention(workspaceId: string, content: Uint8Array): { note: string; retention: Retention } | null {
  if (content[0] !== IN_THE_CLEAR) return null;
  try {
    const note = fromUtf8(content.subarray(1));
    const [name, json = "", ...rest] = splitNote(note).text.split("\n");
    if (name !== retentionOrigin(auditOrigin(workspaceId)) || rest.join("") !== "") return null;
    const retention = toRetention(JSON.parse(json));
    return retention && { note, retention };
  } catch {
    return null; // neither text, nor a note, nor JSON
  }
}

/** The same of an event as it is exported. */
export function retentionOf(leaf: AuditLeaf): { note: string; retention: Retention } | null {
  if (leaf.action !== RETENTION_ACTION || leaf.after === null) return null;
  const content = fromBase64(leaf.after);
  return content && readUnverifiedRetention(leaf.workspaceId, content);
}

/** Whether one of a log's keys signed it. */
export async function isRetentionSigned(note: string, keys: readonly NoteKey[]): Promise<boolean> {
  try {
    await openNote(
      note,
      keys.map(({ name, publicKey }) => noteKey(retentionOrigin(name), publicKey)),
    );
    return true;
  } catch (error) {
    if (error instanceof NoteError) return false;
    throw error;
  }
}

function toRetention(value: Partial<Record<keyof Retention, unknown>> | null): Retention | null {
  const { treeSize, rootHash: root, places, expiredAt, period, by } = value ?? {};
  const rootHash = typeof root === "string" ? fromBase64(root) : null;
  if (!isPlace(treeSize) || rootHash?.length !== HASH_BYTES || !Array.isArray(places) || !places.every(isRange)) return null;
  if (typeof expiredAt !== "string" || typeof period !== "string" || typeof by !== "string") return null;
  return places.every(([, to]) => to <= treeSize) ? { treeSize, rootHash, places, expiredAt, period, by } : null;
}

function isRange(value: unknown): value is LeafRange {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [from, to]: unknown[] = value;
  return isPlace(from) && isPlace(to) && from < to;
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
