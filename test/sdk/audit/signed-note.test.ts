import { describe, expect, test } from "vitest";
import {
  auditOrigin,
  openCheckpoint,
  parseAuditKeys,
  signCheckpoint,
  workspaceOfOrigin,
} from "../../../client-sdk/src/audit/checkpoint.ts";
import {
  formatNoteKey,
  importSigningKey,
  noteKey,
  openNote,
  parseNoteKey,
  signNote,
} from "../../../client-sdk/src/audit/signed-note.ts";

/** The vectors of Go's golang.org/x/mod/sumdb/note; EnochRoot's key is the one whose seed is all zeros. */
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ENOCH_KEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const PETER =
  "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH = "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
const NOTE = `${TEXT}\n${PETER}${ENOCH}`;

/** The example of C2SP's specification, before it named its key after a poet. */
const FOO_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const FOO_NOTE =
  "This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

const seed = new Uint8Array(32);

describe("a signed note", () => {
  test("of the published vectors opens under each of its keys and under both", async () => {
    for (const keys of [[PETER_KEY], [ENOCH_KEY], [PETER_KEY, ENOCH_KEY]]) {
      const opened = await openNote(NOTE, keys.map(parseNoteKey));
      expect(opened.text).toBe(TEXT);
      expect(opened.signedBy.map(formatNoteKey)).toEqual(keys);
    }
    expect((await openNote(FOO_NOTE, [parseNoteKey(FOO_KEY)])).text).toBe("This is an example message.\n");
  });

  test("is signed as published, under the key of the published seed", async () => {
    const key = await importSigningKey(seed);
    expect(formatNoteKey(noteKey("EnochRoot", key.publicKey))).toBe(ENOCH_KEY);
    expect(await signNote(TEXT, "EnochRoot", key)).toBe(`${TEXT}\n${ENOCH}`);
  });

  test("is refused where one byte of it is another, wherever it stands", async () => {
    const key = [parseNoteKey(ENOCH_KEY)];
    const note = `${TEXT}\n${ENOCH}`;
    const opened: number[] = [];
    for (let index = 0; index < note.length; index++) {
      const bent = note.slice(0, index) + String.fromCharCode(note.charCodeAt(index) ^ 1) + note.slice(index + 1);
      await openNote(bent, key).then(
        () => opened.push(index),
        () => {},
      );
    }
    expect(opened).toEqual([]);
  });

  test.each([
    [
      "without a signature of a trusted key",
      NOTE.replace(ENOCH, ""),
      "No trusted key signed the note; it is signed by PeterNeumann",
    ],
    ["with a wrong signature beside a good one", NOTE.replace("rwz+eB", "rwz+eC"), "is wrong"],
    ["without signatures", TEXT, "no signatures"],
    ["with a control character", NOTE.replace("then", "\tthen"), "control character"],
    ["with a line that is no signature", `${NOTE}- EnochRoot x\n`, "malformed signature line"],
    ["that does not end", NOTE.slice(0, -1), "no signatures"],
    ["beyond all measure", `${"x".repeat(20_000)}\n\n${ENOCH}`, "longer than"],
  ])("%s is refused", async (_, note, message) => {
    await expect(openNote(note, [parseNoteKey(ENOCH_KEY)])).rejects.toThrow(message);
  });

  test("has keys that say what they are", () => {
    expect(() => parseNoteKey("EnochRoot")).toThrow("Not a key for signed notes");
    expect(() => parseNoteKey(ENOCH_KEY.replace("af0cfe78", "af0cfe79"))).toThrow("The key's id is af0cfe78");
    expect(() => noteKey("two words", seed)).toThrow("no name of a key");
  });
});

describe("a checkpoint", () => {
  const rootHash = new Uint8Array(32).fill(7);

  test("is three lines under the log's own key, whatever the workspace is called", async () => {
    const key = await importSigningKey(seed);
    for (const workspaceId of ["w", "a b+c/ü\n%", "x".repeat(128)]) {
      const origin = auditOrigin(workspaceId);
      const note = await signCheckpoint({ origin, treeSize: 12, rootHash }, key);
      expect(note.split("\n").slice(0, 4)).toEqual([origin, "12", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", ""]);
      const text = formatNoteKey(noteKey(origin, key.publicKey));
      const { keys, ...named } = parseAuditKeys([text]);
      expect(named).toEqual({ workspaceId });
      expect(await openCheckpoint(note, keys)).toMatchObject({ origin, treeSize: 12 });
    }
  });

  test("of another log does not pass, though the same key signed it", async () => {
    const key = await importSigningKey(seed);
    const note = await signCheckpoint({ origin: auditOrigin("one"), treeSize: 1, rootHash }, key);
    await expect(openCheckpoint(note, [noteKey(auditOrigin("two"), key.publicKey)])).rejects.toThrow("No trusted key");
    const borrowed = await signNote(note.slice(0, note.indexOf("\n\n") + 1), auditOrigin("two"), key);
    await expect(openCheckpoint(borrowed, [noteKey(auditOrigin("two"), key.publicKey)])).rejects.toThrow("another log's key");
  });

  test.each(["x\n01\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", "x\n1\nBwc=\n", "x\n1\n", "x\n99999999999999999\nBwc=\n"])(
    "%j is none",
    async (text) => {
      const key = await importSigningKey(seed);
      const note = await signNote(text, "x", key);
      await expect(openCheckpoint(note, [noteKey("x", key.publicKey)])).rejects.toThrow("no checkpoint");
    },
  );

  test("names a workspace's log in one way only", () => {
    expect(() => workspaceOfOrigin("sim-parlant/audit/a%2fb")).toThrow("not the log of a workspace");
    expect(() => workspaceOfOrigin("sim-parlant/audit/%")).toThrow("not the log of a workspace");
    expect(() => workspaceOfOrigin("example.com/a")).toThrow("not the log of a workspace");
    expect(() => parseAuditKeys([])).toThrow("At least one");
  });
});
