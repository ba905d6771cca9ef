import {
  type AuditLeaf,
  auditLeafHash,
  auditOrigin,
  CompactRange,
  CSV_HEADER,
  ExportDigest,
  type ExportEntry,
  type ExportFormat,
  type ExportTrailer,
  exportOrigin,
  formatCsvEntry,
  formatCsvTrailer,
  formatNdjsonEntry,
  formatNdjsonTrailer,
  formatNoteKey,
  importSigningKey,
  NDJSON_HEADER,
  noteKey,
  type SigningKey,
  signCheckpoint,
} from "../../../client-sdk/src/audit/index.ts";

const FORMATS = {
  ndjson: { header: NDJSON_HEADER, formatEntry: formatNdjsonEntry, formatTrailer: formatNdjsonTrailer },
  csv: { header: CSV_HEADER, formatEntry: formatCsvEntry, formatTrailer: formatCsvTrailer },
};

export const SEED = new Uint8Array(32).fill(3);
export const WORKSPACE = "workspace 1/+";

export function makeLeaf(index: number, changes: Partial<AuditLeaf> = {}): AuditLeaf {
  const ms = 1_700_000_000_000 + index * 1_000;
  const time = ms.toString(16).padStart(12, "0");
  return {
    v: 1,
    workspaceId: WORKSPACE,
    id: `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${String(index).padStart(12, "0")}`,
    occurredAt: new Date(ms).toISOString(),
    action: index % 3 === 0 ? "agent.create" : "agent.update",
    outcome: "success",
    reasonCode: null,
    rule: "",
    actorKind: "session",
    actorId: '=HYPERLINK("x")',
    onBehalfOf: "'quoted",
    method: "POST\r\nx",
    targetKind: "agent",
    targetId: "é😀,",
    ipAddress: "::1",
    requestId: "-1",
    before: null,
    after: "+ciphertext/==",
    ...changes,
  };
}

export function toEvents(leaves: readonly AuditLeaf[]): ExportEntry[] {
  return leaves.map((leaf, seq) => ({ kind: "event", seq, leaf, leafHash: auditLeafHash(leaf) }));
}

/** The same entries as a filter leaves them that lets `isKept` through. */
export function omit(entries: readonly ExportEntry[], isKept: (seq: number) => boolean): ExportEntry[] {
  const kept: ExportEntry[] = [];
  let range: CompactRange | undefined;
  const flush = () => {
    if (range) kept.push({ kind: "omitted", from: range.from, to: range.to, hashes: range.hashes });
    range = undefined;
  };
  for (const entry of entries) {
    if (entry.kind !== "event") throw new Error("Only events can be left out");
    if (isKept(entry.seq)) {
      flush();
      kept.push(entry);
    } else {
      range ??= new CompactRange(entry.seq);
      range.append(entry.leafHash);
    }
  }
  flush();
  return kept;
}

export function rootOf(leaves: readonly AuditLeaf[]): Uint8Array<ArrayBuffer> {
  const tree = new CompactRange();
  for (const leaf of leaves) tree.append(auditLeafHash(leaf));
  return tree.root();
}

/** A checkpoint of a log of these leaves. */
export async function makeCheckpoint(leaves: readonly AuditLeaf[], key?: SigningKey): Promise<string> {
  const checkpoint = { origin: auditOrigin(WORKSPACE), treeSize: leaves.length, rootHash: rootOf(leaves) };
  return signCheckpoint(checkpoint, key ?? (await importSigningKey(SEED)));
}

/** A file of these entries as the server writes it, with the checkpoint given; its signed last record may be bent. */
export async function makeFile(
  format: ExportFormat,
  entries: readonly ExportEntry[],
  checkpoint: string,
  key?: SigningKey,
  bend: (trailer: ExportTrailer) => ExportTrailer = (trailer) => trailer,
): Promise<string> {
  const { header, formatEntry, formatTrailer } = FORMATS[format];
  const digest = new ExportDigest();
  const records = [header, ...entries.map(formatEntry)];
  for (const record of records) digest.add(record);
  const content = { checkpoint, filter: { action: "agent.create" } };
  digest.addTrailer(content);
  const origin = exportOrigin(auditOrigin(WORKSPACE));
  const signature = await signCheckpoint(
    { origin, treeSize: digest.records, rootHash: digest.hash },
    key ?? (await importSigningKey(SEED)),
  );
  return records.join("") + formatTrailer(bend({ ...content, signature }));
}

export async function publicKey(seed = SEED): Promise<string> {
  return formatNoteKey(noteKey(auditOrigin(WORKSPACE), (await importSigningKey(seed)).publicKey));
}
