export { AUDIT_PROBLEMS, type AuditProblem, ProblemList } from "./audit-problems.ts";
export { type Bytes, equalBytes, fromBase64, toBase64, utf8 } from "./bytes.ts";
export { canonicalJson } from "./canonical-json.ts";
export {
  auditOrigin,
  type Checkpoint,
  openCheckpoint,
  parseAuditKeys,
  readUnverifiedCheckpoint,
  signCheckpoint,
} from "./checkpoint.ts";
export { CSV_HEADER, formatCsvEntry, formatCsvTrailer } from "./export-csv.ts";
export {
  EXPORT_FORMATS,
  ExportDigest,
  type ExportEntry,
  type ExportFormat,
  type ExportTrailer,
  exportOrigin,
} from "./export-entries.ts";
export { formatNdjsonEntry, formatNdjsonTrailer, NDJSON_HEADER } from "./export-ndjson.ts";
export { type AuditLeaf, auditLeafHash, LEAF_FIELDS } from "./leaf.ts";
export { type ExpiredPlaces, LogChecker } from "./log-checker.ts";
export { CompactRange, HASH_BYTES, leafHash, nodeHash } from "./merkle.ts";
export { PlaceRanges } from "./place-ranges.ts";
export {
  consistencyRanges,
  inclusionRanges,
  type LeafRange,
  RangeHasher,
  verifyConsistency,
  verifyInclusion,
} from "./proofs.ts";
export {
  isRetentionSigned,
  MAX_RETENTION_RANGES,
  RETENTION_ACTION,
  type Retention,
  readUnverifiedRetention,
  retentionOf,
  sealRetention,
} from "./retention.ts";
export { sha256 } from "./sha256.ts";
export {
  formatNoteKey,
  importSigningKey,
  NoteError,
  type NoteKey,
  noteKey,
  openNote,
  parseNoteKey,
  type SigningKey,
  signNote,
  splitNote,
} from "./signed-note.ts";
export { type ExportVerification, type VerifyExportOptions, verifyExport } from "./verify-export.ts";
