import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AuditLeaf,
  type ExportEntry,
  type ExportTrailer,
  importSigningKey,
  verifyExport,
} from "../../../client-sdk/src/audit/index.ts";
import { makeCheckpoint, makeFile, makeLeaf, omit, publicKey, SEED, toEvents } from "./export-file.ts";

const leaves = Array.from({ length: 7 }, (_, index) => makeLeaf(index));
const entries = toEvents(leaves);
const formats = ["ndjson", "csv"] as const;

async function verify(file: string | Uint8Array, checkpoint?: string) {
  return verifyExport([file], { publicKeys: [await publicKey()], checkpoint });
}

async function problemsOf(file: string | Uint8Array, checkpoint?: string): Promise<string[]> {
  const { problems, valid, problemCount } = await verify(file, checkpoint);
  expect(valid).toBe(problemCount === 0);
  return problems.map(({ kind, firstSeq, lastSeq }) => `${kind} ${firstSeq}-${lastSeq}`);
}

/** What someone makes who can write the file and every table, and has not got the signing key. */
async function forge(format: "ndjson" | "csv", changed: readonly ExportEntry[], of: readonly AuditLeaf[]) {
  const stranger = await importSigningKey(new Uint8Array(32).fill(9));
  return makeFile(format, changed, await makeCheckpoint(of, stranger), stranger);
}

describe.each(formats)("an export as %s", (format) => {
  test("is found valid with nothing but its public key, whole or filtered, in chunks of any size", async () => {
    const checkpoint = await makeCheckpoint(leaves);
    const file = await makeFile(format, entries, checkpoint);
    const found = { valid: true, workspaceId: "workspace 1/+", treeSize: 7, filter: { action: "agent.create" } };
    expect(await verify(file)).toMatchObject({ ...found, events: 7, omitted: 0, problems: [] });
    const bytes = Buffer.from(
      await makeFile(
        format,
        omit(entries, (seq) => seq % 3 === 0),
        checkpoint,
      ),
    );
    const single = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    const options = { publicKeys: [await publicKey()] };
    expect(await verifyExport(single, options)).toMatchObject({ ...found, events: 3, omitted: 4 });
    expect(await verify(await makeFile(format, [], await makeCheckpoint([])))).toMatchObject({ valid: true, treeSize: 0 });
  });

  test("shows every single byte that is another, in a whole file and in a filtered one", async () => {
    const checkpoint = await makeCheckpoint(leaves);
    for (const kept of [entries.slice(0, 7), omit(entries, (seq) => seq === 2)]) {
      const bytes = Buffer.from(await makeFile(format, kept, checkpoint));
      const unseen: number[] = [];
      for (let index = 0; index < bytes.length; index++) {
        for (const mask of [1, 32]) {
          const bent = Buffer.from(bytes);
          bent.writeUInt8(bent.readUInt8(index) ^ mask, index);
          if ((await verify(bent)).valid) unseen.push(index);
        }
      }
      expect(unseen).toEqual([]);
    }
  });

  test("shows where it is cut off, and what stands behind its end", async () => {
    const file = await makeFile(format, entries, await makeCheckpoint(leaves));
    const valid: number[] = [];
    for (let length = 0; length < file.length; length += 7) if ((await verify(file.slice(0, length))).valid) valid.push(length);
    expect(valid).toEqual([]);
    expect((await verify(`${file}x`)).valid).toBe(false);
    expect((await verify(file + file)).valid).toBe(false);
  });

  test("shows whatever is added to its last record, which no signature is over", async () => {
    const checkpoint = await makeCheckpoint(leaves);
    const key = await importSigningKey(SEED);
    const withTrailer = (change: (trailer: ExportTrailer) => object) =>
      makeFile(format, entries, checkpoint, key, (trailer) => change(trailer) as ExportTrailer);
    const foreign = `\u2014 a-witness ${Buffer.alloc(68, 1).toString("base64")}\n`;
    // The control: the same record as it was is valid.
    expect(await problemsOf(await withTrailer((trailer) => ({ ...trailer })))).toEqual([]);
    const withNote = await withTrailer((trailer) => ({ ...trailer, note: "reviewed and approved" }));
    expect(await problemsOf(withNote)).toEqual(["malformed 7-7", "malformed null-null"]);
    for (const line of [foreign, "same"]) {
      const withLine = await withTrailer(({ signature, ...rest }) => {
        const added = line === "same" ? `${signature.trimEnd().split("\n").at(-1)}\n` : line;
        return { ...rest, signature: signature + added };
      });
      expect(await problemsOf(withLine)).toEqual(["signature null-null"]);
    }
  });

  test("names the events that are not what was sealed: edited, dated back, swapped, gone", async () => {
    const checkpoint = await makeCheckpoint(leaves);
    const withLeaf = (seq: number, leaf: AuditLeaf | undefined) =>
      entries.map((entry) => (entry.kind === "event" && entry.seq === seq && leaf ? { ...entry, leaf } : entry));
    const edited = withLeaf(3, makeLeaf(3, { actorId: "someone else" }));
    expect(await problemsOf(await makeFile(format, edited, checkpoint))).toEqual(["changed 3-3"]);
    const backdated = withLeaf(5, makeLeaf(5, { occurredAt: "2001-01-01T00:00:00.000Z" }));
    expect(await problemsOf(await makeFile(format, backdated, checkpoint))).toEqual(["changed 5-5"]);
    const swapped = entries.map((entry) =>
      entry.kind === "event" && (entry.seq === 1 || entry.seq === 4) ? { ...entry, leaf: makeLeaf(5 - entry.seq) } : entry,
    );
    expect(await problemsOf(await makeFile(format, swapped, checkpoint))).toEqual(["changed 1-1", "changed 4-4"]);
    const gone = entries.map(
      (entry): ExportEntry =>
        entry.kind === "event" && entry.seq === 2 ? { kind: "missing", seq: 2, leafHash: entry.leafHash } : entry,
    );
    expect(await problemsOf(await makeFile(format, gone, checkpoint))).toEqual(["missing 2-2"]);
    const lost: ExportEntry[] = [...entries.slice(0, 2), { kind: "lost", from: 2, to: 4 }, ...entries.slice(4)];
    expect(await problemsOf(await makeFile(format, lost, checkpoint))).toEqual(["lost 2-3"]);
    const skipped = [...entries.slice(0, 2), ...entries.slice(3)];
    expect(await problemsOf(await makeFile(format, skipped, checkpoint))).toEqual(["lost 2-2"]);
    expect(await problemsOf(await makeFile(format, entries.slice(0, 5), checkpoint))).toEqual(["truncated 5-6"]);
  });

  test("names the events that were sealed and cannot have been written when they say", async () => {
    const hour = 3_600_000;
    const at = (index: number, ms: number, idMs = ms) => {
      const hex = idMs.toString(16).padStart(12, "0");
      const id = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(index).padStart(12, "0")}`;
      return makeLeaf(index, { id, occurredAt: new Date(ms).toISOString() });
    };
    const problemsWith = async (own: AuditLeaf[]) => problemsOf(await makeFile(format, toEvents(own), await makeCheckpoint(own)));
    const now = 1_700_000_000_000;
    const [one, two] = [at(0, now), at(1, now + 5)];
    // The control: late by as much as is let pass, before and behind.
    expect(await problemsWith([one, two, at(2, now + 5 - hour), at(3, now, now + hour)])).toEqual([]);
    expect(await problemsWith([one, two, at(2, now + 4 - hour), one])).toEqual(["backdated 2-2"]);
    expect(await problemsWith([one, at(1, now, now + hour + 1), two])).toEqual(["backdated 1-1"]);
    expect(await problemsWith([one, makeLeaf(1, { id: "00000000-0000-4000-8000-000000000000" }), two])).toEqual([
      "backdated 1-1",
    ]);
    // What a future one would make of those behind it, it is alone.
    expect(await problemsWith([one, at(1, now + 9 * hour, now), two])).toEqual(["backdated 1-1"]);
  });

  test("tells of places side by side that are gone as of one, so that a thousand of them hide nothing", async () => {
    const many = Array.from({ length: 2_100 }, (_, index) => makeLeaf(index));
    const gone = toEvents(many).map((entry): ExportEntry => {
      if (entry.kind !== "event" || (entry.seq >= 2_000 && entry.seq !== 2_050)) return entry;
      return { kind: "missing", seq: entry.seq, leafHash: entry.leafHash };
    });
    const file = await makeFile(format, gone, await makeCheckpoint(many));
    expect(await problemsOf(file)).toEqual(["missing 0-1999", "missing 2050-2050"]);
    const { problems, problemCount } = await verify(file);
    expect(problemCount).toBe(2);
    expect(problems[0]?.message).toBe("Events 0 to 1999 were sealed and are gone");
  });

  test("tells of events side by side that were changed as of one, and keeps no more than a thousand that are apart", async () => {
    const many = Array.from({ length: 2_100 }, (_, index) => makeLeaf(index));
    const changedWhere = async (isChanged: (seq: number) => boolean) => {
      const bent = toEvents(many).map((entry) =>
        entry.kind === "event" && isChanged(entry.seq) ? { ...entry, leaf: { ...entry.leaf, actorId: "x" } } : entry,
      );
      return verify(await makeFile(format, bent, await makeCheckpoint(many)));
    };
    const together = await changedWhere((seq) => seq < 2_000 || seq === 2_050);
    expect(together.problems.map(({ message }) => message)).toEqual([
      "Events 0 to 1999 are not what was sealed",
      "Event 2050 is not what was sealed",
    ]);
    // The control: apart, each one is a problem by itself.
    const apart = await changedWhere((seq) => seq % 2 === 0);
    expect([apart.problems.length, apart.problemCount]).toEqual([1_000, 1_050]);
  });

  test("shows hashes that were exchanged along with their events, by the root that was signed", async () => {
    const checkpoint = await makeCheckpoint(leaves);
    const rewritten = leaves.map((leaf, index) => (index === 3 ? makeLeaf(3, { action: "agent.delete" }) : leaf));
    expect(await problemsOf(await makeFile(format, toEvents(rewritten), checkpoint))).toEqual(["rewritten 0-6"]);
    const reordered = [1, 0, 2, 3, 4, 5, 6].map((index) => makeLeaf(index));
    expect(await problemsOf(await makeFile(format, toEvents(reordered), checkpoint))).toEqual(["rewritten 0-6"]);
  });

  test("cannot be made without the signing key, even with every hash and checkpoint made anew", async () => {
    const rewritten = leaves.map((leaf, index) => (index === 3 ? makeLeaf(3, { action: "agent.delete" }) : leaf));
    const forged = await forge(format, toEvents(rewritten), rewritten);
    const { problems } = await verify(forged);
    expect(problems.map(({ kind, message }) => [kind, message.slice(0, 33)])).toEqual([
      ["signature", "No trusted key signed the note; i"],
      ["signature", "No trusted key signed the note; i"],
    ]);
    // The control: to whoever took the forger's key, there is nothing wrong with it.
    const theirs = await publicKey(new Uint8Array(32).fill(9));
    expect(await verifyExport([forged], { publicKeys: [theirs] })).toMatchObject({ valid: true });
  });

  test("that was cut back or rewritten is shown by a checkpoint of earlier, and by nothing else", async () => {
    const earlier = await makeCheckpoint(leaves.slice(0, 6));
    const file = await makeFile(format, entries, await makeCheckpoint(leaves));
    expect(await problemsOf(file, earlier)).toEqual([]);
    const cut = leaves.slice(0, 4);
    const truncated = await makeFile(format, toEvents(cut), await makeCheckpoint(cut));
    expect(await problemsOf(truncated, earlier)).toEqual(["truncated 4-5"]);
    const other = leaves.map((leaf, index) => (index === 2 ? makeLeaf(2, { action: "agent.delete" }) : leaf));
    const rewritten = await makeFile(format, toEvents(other), await makeCheckpoint(other));
    expect(await problemsOf(rewritten, earlier)).toEqual(["rewritten 0-5"]);
    // The control: without the comparison both pass for whole logs.
    expect(await problemsOf(truncated)).toEqual([]);
    expect(await problemsOf(rewritten)).toEqual([]);
    const filtered = await makeFile(
      format,
      omit(entries, (seq) => seq === 0),
      await makeCheckpoint(leaves),
    );
    expect(await problemsOf(filtered, await makeCheckpoint(leaves.slice(0, 3)))).toEqual(["incomparable null-null"]);
  });

  test("verifies under an older key too, and only where that one is trusted", async () => {
    const file = await makeFile(format, entries, await makeCheckpoint(leaves));
    const newer = await publicKey(new Uint8Array(32).fill(5));
    expect(await verifyExport([file], { publicKeys: [newer] })).toMatchObject({ valid: false });
    expect(await verifyExport([file], { publicKeys: [newer, await publicKey()] })).toMatchObject({ valid: true });
  });
});

test("whatever text an event has, CSV gives it back, and no cell of it begins like a formula", async () => {
  const text = fc.option(
    fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("", "'", "=1", "'=1", '"', "\t", "\r\n", "@x,")),
  );
  const key = await importSigningKey(SEED);
  await fc.assert(
    fc.asyncProperty(text, text, text, async (reasonCode, rule, actorId) => {
      const own = [makeLeaf(0, { reasonCode, rule, actorId })];
      const file = await makeFile("csv", toEvents(own), await makeCheckpoint(own, key), key);
      expect(await problemsOf(file)).toEqual([]);
      expect(file.split(/\r\n|,/).filter((cell) => /^"?[=+\-@\t\r]/.test(cell) && !/"/.test(cell))).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

test("bytes that are no text, a record without end and another kind of file are told as such", async () => {
  expect((await verify(Buffer.from([0xff, 0xfe]))).problems[0]?.message).toBe("The file is not UTF-8");
  expect((await verify('{"a":1')).problems[0]?.message).toContain("cut off");
  expect((await verify("a,b\r\n1,2\r\n")).problems[0]?.message).toBe("The header is not as it was written");
  expect((await verify(`{${"x".repeat(8_000_001)}`)).problems[0]?.message).toContain("longer than");
});
