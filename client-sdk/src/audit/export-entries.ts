import type { Bytes } from "./bytes.ts";
import { concatBytes, utf8 } from "./bytes.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { AuditLeaf } from "./leaf.ts";
import { sha256 } from "./sha256.ts";

/**
 * What an export is made of, in the order of the log. Together the entries account for every place from 0 to the
 * tree's size, so that whoever reads them through has the tree's root in the end.
 */
export type ExportEntry =
  /** An event, with the hash under which it was sealed. */
  | { kind: "event"; seq: number; leaf: AuditLeaf; leafHash: Uint8Array }
  /** A place whose event is gone: only the hash under which it was sealed is left. */
  | { kind: "missing"; seq: number; leafHash: Uint8Array }
  /** Places whose events are no longer kept, as the log says further on, by the hashes of their subtrees. */
  | { kind: "expired"; from: number; to: number; hashes: Uint8Array[] }
  /** Places that the filter left out, by the hashes of their subtrees. */
  | { kind: "omitted"; from: number; to: number; hashes: Uint8Array[] }
  /** Places of which even the hashes are gone. */
  | { kind: "lost"; from: number; to: number };

export const EXPORT_FORMATS = ["ndjson", "csv"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The last record of an export. */
export interface ExportTrailer {
  /** The signed state of the log that the entries add up to. */
  checkpoint: string;
  /** What was asked for. */
  filter: Record<string, string>;
  /** A note over all records before and the two fields above. */
  signature: string;
}

/** The name under which the log's key signs files. */
export function exportOrigin(origin: string): string {
  return `${origin}/export`;
}

/** What a file's signature is over: its records one after the other, each hashed with all before it. */
export class ExportDigest {
  #records: number;
  #hash: Bytes;

  /** Continues where another one stood. */
  constructor(records = 0, hash: Bytes = new Uint8Array(32)) {
    this.#records = records;
    this.#hash = hash;
  }

  get records(): number {
    return this.#records;
  }

  get hash(): Bytes {
    return this.#hash;
  }

  /** Takes a record as it stands in the file, the end of its line included. */
  add(record: string): void {
    this.#hash = sha256(concatBytes(this.#hash, utf8(record)));
    this.#records++;
  }

  addTrailer({ checkpoint, filter }: Omit<ExportTrailer, "signature">): void {
    this.add(canonicalJson({ checkpoint, filter }));
  }
}
