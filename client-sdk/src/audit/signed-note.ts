import { type Bytes, concatBytes, fromBase64, toBase64, utf8 } from "./bytes.ts";
import { sha256 } from "./sha256.ts";

/*
 * Signed notes (https://c2sp.org/signed-note): a text with Ed25519 signatures below it, each by a named key. They are
 * what Go's checksum database and today's transparency logs sign, so their tools read these too.
 */

/** The public half of a key that signs notes. */
export interface NoteKey {
  name: string;
  /** Four bytes of the hash of name and key, in hex: they find the key and prove nothing. */
  id: string;
  publicKey: Bytes;
}

/** A private key, for notes under any name. */
export interface SigningKey {
  publicKey: Bytes;
  sign(message: Bytes): Promise<Bytes>;
}

/** A note that is malformed, or that no trusted key signed. */
export class NoteError extends Error {
  override name = "NoteError";
}

const ED25519 = "Ed25519";
const ED25519_TYPE = Uint8Array.of(1);
const KEY_BYTES = 32;
/** What precedes an Ed25519 seed in PKCS #8. Source: RFC 8410, section 7. */
const PKCS8_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);
const MAX_NOTE_LENGTH = 20_000;
const KEY_NAME = /^[^\s+]+$/;
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)$/;

export async function importSigningKey(seed: Uint8Array): Promise<SigningKey> {
  const key = await crypto.subtle.importKey("pkcs8", concatBytes(PKCS8_PREFIX, seed), ED25519, true, ["sign"]);
  const { x = "" } = await crypto.subtle.exportKey("jwk", key);
  const publicKey = fromBase64(`${x.replaceAll("-", "+").replaceAll("_", "/")}=`);
  if (publicKey?.length !== KEY_BYTES) throw new Error("The platform exported no Ed25519 public key");
  return { publicKey, sign: async (message) => new Uint8Array(await crypto.subtle.sign(ED25519, key, message)) };
}

/** A public key under a name. @throws NoteError where no note could bear the name */
export function noteKey(name: string, publicKey: Bytes): NoteKey {
  if (!KEY_NAME.test(name))
    throw new NoteError(`"${name}" is no name of a key: it is empty, or has a space or a plus sign in it`);
  const hash = sha256(concatBytes(utf8(`${name}\n`), ED25519_TYPE, publicKey));
  return { name, id: toHex(hash.subarray(0, 4)), publicKey };
}

/** The key as one line of text, as it is handed to those who verify. */
export function formatNoteKey({ name, id, publicKey }: NoteKey): string {
  return `${name}+${id}+${toBase64(concatBytes(ED25519_TYPE, publicKey))}`;
}

/** @throws NoteError where the text is no Ed25519 key for notes */
export function parseNoteKey(text: string): NoteKey {
  const [, name = "", id, encoded = ""] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim()) ?? [];
  const bytes = fromBase64(encoded);
  if (bytes?.length !== KEY_BYTES + 1 || bytes[0] !== ED25519_TYPE[0]) {
    throw new NoteError("Not a key for signed notes; expected <name>+<8 hex digits>+<base64>");
  }
  const key = noteKey(name, bytes.slice(1));
  if (key.id !== id) throw new NoteError(`The key's id is ${key.id}, and not ${id} as it says`);
  return key;
}

/** The text as a note under one signature. The text ends in a newline. */
export async function signNote(text: string, name: string, key: SigningKey): Promise<string> {
  assertNoteText(text);
  const { id } = noteKey(name, key.publicKey);
  const signature = concatBytes(fromHex(id), await key.sign(utf8(text)));
  return `${text}\n\u2014 ${name} ${toBase64(signature)}\n`;
}

/**
 * The text of a note that one of `keys` signed, and the keys that did. Signatures by other keys are ignored.
 *
 * @throws NoteError where the note is malformed, none of the keys signed it, or a signature by one of them is wrong
 */
export async function openNote(note: string, keys: readonly NoteKey[]): Promise<{ text: string; signedBy: NoteKey[] }> {
  const { text, signatures } = splitNote(note);
  const signedBy: NoteKey[] = [];
  for (const { name, id, signature } of signatures) {
    const key = keys.find((one) => one.name === name && one.id === id);
    if (!key) continue;
    if (!(await isSignedBy(key, signature, utf8(text)))) throw new NoteError(`The signature by the key ${name}+${id} is wrong`);
    signedBy.push(key);
  }
  if (signedBy.length > 0) return { text, signedBy };
  const found = signatures.map(({ name, id }) => `${name}+${id}`).join(", ");
  throw new NoteError(`No trusted key signed the note; it is signed by ${found}`);
}

interface NoteSignature {
  name: string;
  id: string;
  signature: Bytes;
}

/** A note in its parts, none of which is verified. @throws NoteError where it is malformed */
export function splitNote(note: string): { text: string; signatures: NoteSignature[] } {
  if (note.length > MAX_NOTE_LENGTH) throw new NoteError(`The note is longer than ${MAX_NOTE_LENGTH} characters`);
  const end = note.lastIndexOf("\n\n");
  if (end === -1 || !note.endsWith("\n")) throw new NoteError("The note has no signatures below an empty line");
  const text = note.slice(0, end + 1);
  assertNoteText(text);
  const lines = note.slice(end + 2, -1).split("\n");
  return { text, signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [, name, encoded = ""] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = fromBase64(encoded);
  if (name === undefined || !bytes || bytes.length < 5) throw new NoteError("The note has a malformed signature line");
  return { name, id: toHex(bytes.subarray(0, 4)), signature: bytes.slice(4) };
}

async function isSignedBy({ publicKey }: NoteKey, signature: Bytes, message: Bytes): Promise<boolean> {
  const key = await crypto.subtle.importKey("raw", publicKey, ED25519, false, ["verify"]);
  return crypto.subtle.verify(ED25519, key, signature, message);
}

function assertNoteText(text: string): void {
  if (text.endsWith("\n") && !Array.from(text).some(isControl)) return;
  throw new NoteError("The note's text does not end in a newline, or has a control character in it");
}

function isControl(character: string): boolean {
  return character < " " && character !== "\n";
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(hex: string): Bytes {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
