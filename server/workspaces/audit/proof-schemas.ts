import { z } from "zod";
import { AUDIT_PROBLEMS, EXPORT_FORMATS } from "../../../client-sdk/src/audit/index.ts";
import { freeText, simId } from "../../shared/text.ts";
import { Isolation } from "../isolation-schema.ts";

const workspaceId = simId.describe("Sim's id of the workspace");
const hash = z.string().describe("A SHA-256 hash in base64");
const checkpoint = z.string().describe("A signed note (C2SP checkpoint); worth keeping apart from the server");
const publicKeys = z
  .array(z.string())
  .describe("The log's public keys, newest first; the same as of old as long as the secret is");

export const VerifyAuditInput = z.strictObject({
  workspaceId,
  checkpoint: z
    .string()
    .min(1)
    .max(4_000)
    .optional()
    .describe("A checkpoint kept from earlier: whether the log was cut back or rewritten since is then checked too"),
});
export type VerifyAuditInput = z.output<typeof VerifyAuditInput>;

export const AuditProblem = z.object({
  kind: z.enum(AUDIT_PROBLEMS),
  firstSeq: z.int().nullable().describe("The first place in the log that it concerns"),
  lastSeq: z.int().nullable(),
  message: z.string(),
});
export type AuditProblem = z.output<typeof AuditProblem>;

export const AuditVerification = z.object({
  valid: z.boolean(),
  checkedEvents: z.int().describe("Events that were hashed anew and compared with what was sealed"),
  treeSize: z.int(),
  rootHash: hash.nullable().describe("Null where there is no log, or it cannot be put together any more"),
  checkpoint: checkpoint.nullable(),
  publicKey: z.string().describe("The log's public key, which verifies exports and checkpoints"),
  publicKeys,
  unsealedEvents: z.int().describe("Events that are written and not sealed yet, normally those of the last seconds"),
  unsealedSince: z.date().nullable().describe("The time of the oldest of them"),
  expiredEvents: z.int().describe("Events that are no longer kept, and whose retention the log itself states under its key"),
  expired: z
    .array(
      z.object({
        firstSeq: z.int(),
        lastSeq: z.int(),
        period: z.string().describe("The month that the events were of, such as 2026-01"),
        expiredAt: z.string().describe("ISO 8601"),
        by: z.string().describe("Who had them dropped"),
      }),
    )
    .describe("Where they were; at most the first thousand ranges"),
  problems: z.array(AuditProblem).describe("At most the first thousand"),
  problemCount: z.int(),
  isolation: Isolation,
});
export type AuditVerification = z.output<typeof AuditVerification>;

export const ProveAuditInput = z.strictObject({
  workspaceId,
  auditEventId: z.uuid().toLowerCase().optional().describe("The event to prove the inclusion of"),
  fromTreeSize: z.int().min(0).optional().describe("The size of an earlier checkpoint, to prove that the log began as that one"),
});
export type ProveAuditInput = z.output<typeof ProveAuditInput>;

export const AuditProof = z.object({
  checkpoint,
  treeSize: z.int(),
  publicKeys,
  inclusion: z
    .object({ seq: z.int(), leafHash: hash, hashes: z.array(hash) })
    .nullable()
    .describe("As in RFC 9162, section 2.1.3.2"),
  consistency: z
    .object({ fromTreeSize: z.int(), hashes: z.array(hash) })
    .nullable()
    .describe("As in RFC 9162, section 2.1.4.2"),
  isolation: Isolation,
});
export type AuditProof = z.output<typeof AuditProof>;

const time = z.iso.datetime({ offset: true });

export const ExportAuditInput = z.strictObject({
  workspaceId,
  format: z.enum(EXPORT_FORMATS).default("ndjson"),
  from: time.optional().describe("Only events from this time on"),
  to: time.optional().describe("Only events up to this time"),
  action: freeText(100).min(1).optional().describe("Only events of this action, such as agent.create"),
  outcome: z.enum(["success", "denied", "failure"]).optional().describe("Only events with this outcome"),
  cursor: z.string().min(1).max(1_000).optional().describe("nextCursor of the chunk before, under the same format and filter"),
});
export type ExportAuditInput = z.output<typeof ExportAuditInput>;

export const AuditExportChunk = z.object({
  text: z.string().describe("The next piece of the file; all pieces in order are the file"),
  nextCursor: z.string().nullable().describe("Null behind the last piece"),
  isolation: Isolation,
});
export type AuditExportChunk = z.output<typeof AuditExportChunk>;
