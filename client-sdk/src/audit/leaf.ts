import { type Bytes, utf8 } from "./bytes.ts";
import { canonicalJson } from "./canonical-json.ts";
import { leafHash } from "./merkle.ts";

/** An event as the log seals it. Of what was there before and after a change it has the ciphertext, in base64, as it is stored. */
export interface AuditLeaf {
  v: 1;
  workspaceId: string;
  id: string;
  /** ISO 8601 in UTC, to the millisecond. */
  occurredAt: string;
  action: string;
  outcome: string;
  reasonCode: string | null;
  rule: string | null;
  actorKind: string;
  actorId: string | null;
  onBehalfOf: string | null;
  method: string | null;
  targetKind: string | null;
  targetId: string | null;
  ipAddress: string | null;
  requestId: string | null;
  before: string | null;
  after: string | null;
}

/** The names of a leaf's fields, in the order in which an export has them. */
export const LEAF_FIELDS = [
  "id",
  "occurredAt",
  "action",
  "outcome",
  "reasonCode",
  "rule",
  "actorKind",
  "actorId",
  "onBehalfOf",
  "method",
  "targetKind",
  "targetId",
  "ipAddress",
  "requestId",
  "before",
  "after",
] as const satisfies readonly Exclude<keyof AuditLeaf, "v" | "workspaceId">[];

/** The hash under which an event stands in its log. */
export function auditLeafHash(leaf: AuditLeaf): Bytes {
  return leafHash(utf8(canonicalJson(leaf)));
}
