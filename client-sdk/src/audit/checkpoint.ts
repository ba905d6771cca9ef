import { type Bytes, fromBase64, toBase64 } from "./bytes.ts";
import { HASH_BYTES } from "./merkle.ts";
import { NoteError, type NoteKey, openNote, parseNoteKey, type SigningKey, signNote, splitNote } from "./signed-note.ts";

/** What a checkpoint says: the log had this many entries, and this was the root of its tree. Source: https://c2sp.org/tlog-checkpoint. */
export interface Checkpoint {
  /** The log, by the name under which its key signs. */
  origin: string;
  treeSize: number;
  rootHash: Bytes;
}

const ORIGIN_PREFIX = "sim-parlant/audit/";

/** The log of a workspace's audit trail, by name. */
export function auditOrigin(workspaceId: string): string {
  return `${ORIGIN_PREFIX}${encodeURIComponent(workspaceId)}`;
}

/** The workspace of a log's name. @throws NoteError where it is the name of another kind of log */
export function workspaceOfOrigin(origin: string): string {
  const encoded = origin.startsWith(ORIGIN_PREFIX) ? origin.slice(ORIGIN_PREFIX.length) : "";
  const workspaceId = decode(encoded);
  if (workspaceId !== null && auditOrigin(workspaceId) === origin) return workspaceId;
  throw new NoteError(`"${origin}" is not the log of a workspace's audit trail`);
}

/** The keys of one workspace's log. @throws NoteError where one is malformed, or is another log's than the first */
export function parseAuditKeys(texts: readonly string[]): { workspaceId: string; keys: NoteKey[] } {
  const keys = texts.map(parseNoteKey);
  const [first] = keys;
  if (!first) throw new NoteError("At least one public key is needed");
  const stranger = keys.find(({ name }) => name !== first.name);
  if (stranger) throw new NoteError(`The keys are those of two logs, ${first.name} and ${stranger.name}`);
  return { workspaceId: workspaceOfOrigin(first.name), keys };
}

/** The checkpoint as a note that the log's key signed. */
export function signCheckpoint({ origin, treeSize, rootHash }: Checkpoint, key: SigningKey): Promise<string> {
  return signNote(`${origin}\n${treeSize}\n${toBase64(rootHash)}\n`, origin, key);
}

/**
 * The checkpoint in a note that one of `keys` signed.
 *
 * @throws NoteError where the note is malformed, is not signed by one of them, or is the checkpoint of another log
 */
export async function openCheckpoint(note: string, keys: readonly NoteKey[]): Promise<Checkpoint> {
  const { text, signedBy } = await openNote(note, keys);
  const checkpoint = parseCheckpoint(text);
  if (signedBy.some(({ name }) => name === checkpoint.origin)) return checkpoint;
  throw new NoteError(`The checkpoint of ${checkpoint.origin} is signed by another log's key`);
}

/** What a note says, whoever signed it. @throws NoteError where it is no checkpoint */
export function readUnverifiedCheckpoint(note: string): Checkpoint {
  return parseCheckpoint(splitNote(note).text);
}

function parseCheckpoint(text: string): Checkpoint {
  const [, origin = "", size, root = ""] = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([^\n]+)\n$/.exec(text) ?? [];
  const rootHash = fromBase64(root);
  const treeSize = Number(size);
  if (rootHash?.length !== HASH_BYTES || !Number.isSafeInteger(treeSize)) throw new NoteError("The note is no checkpoint");
  return { origin, treeSize, rootHash };
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // a stray percent sign
  }
}
