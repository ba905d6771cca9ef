import type { Prisma } from "./generated/client.ts";
import type { SchemaMap } from "./schema-map.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

export type AuditEventRow = Prisma.TypeMap["model"]["AuditEvent"]["payload"]["scalars"];

/** A place of the log. */
export interface AuditLeafRow {
  seq: number;
  eventId: string;
  leafHash: Uint8Array;
}

/** How far a workspace's log has come, in one snapshot. */
export interface AuditLogState {
  /** The place behind the last leaf. */
  leaves: number;
  /** The size of the newest checkpoint; 0 where there is none. */
  treeSize: number;
}

/** Events that no leaf stands for yet. */
export interface UnsealedState {
  count: number;
  since: Date | null;
}

/** The workspace's log, read in pieces: the joins of ids in SQL, because Prisma knows no relation here and there must be none. */
export interface AuditLogReader {
  /** The leaves of the places `from` to `to`, the latter excluded, in their order; at most `take`. */
  leaves(query: { from: number; to: number; take: number }): Promise<AuditLeafRow[]>;
  /** The events with these ids, in no order; those that are gone are left out. */
  events(ids: readonly string[]): Promise<AuditEventRow[]>;
  state(): Promise<AuditLogState>;
  unsealed(): Promise<UnsealedState>;
}

/** Reads events that are not sealed yet, past `afterId`, in the order of their ids. */
export type ReadUnsealedEvents = (query: { afterId: string; take: number }) => Promise<AuditEventRow[]>;

type Run = (statement: Statement) => Promise<object[]>;

export function createAuditLogReader(workspaceId: string, schema: SchemaMap, run: Run): AuditLogReader {
  const columns = schema.get("AuditEvent")?.columns ?? "";
  return {
    leaves: async ({ from, to, take }) =>
      (await run(
        toStatement(
          `select seq::float8 as seq, event_id as "eventId", leaf_hash as "leafHash" from parlant.parlant_audit_leaf
where workspace_id = $1 and seq >= $2 and seq < $3 order by seq limit $4`,
          [workspaceId, from, to, take],
        ),
      )) as AuditLeafRow[],
    async events(ids) {
      if (ids.length === 0) return [];
      const sorted = [...ids].sort();
      // The bounds keep the months out of it in which none of the ids can be.
      const text = `select ${columns} from parlant.parlant_audit_event
where workspace_id = $1 and id = any ($2::uuid[]) and id >= $3::uuid and id <= $4::uuid`;
      return (await run(toStatement(text, [workspaceId, sorted, sorted[0], sorted.at(-1)]))) as AuditEventRow[];
    },
    async state() {
      const text = `select
  coalesce((select max(seq) + 1 from parlant.parlant_audit_leaf where workspace_id = $1), 0)::float8 as leaves,
  coalesce((select max(tree_size) from parlant.parlant_audit_checkpoint where workspace_id = $1), 0)::float8 as "treeSize"`;
      const [state] = (await run(toStatement(text, [workspaceId]))) as AuditLogState[];
      return state ?? { leaves: 0, treeSize: 0 };
    },
    async unsealed() {
      const text = `select count(*)::float8 as count, min(occurred_at) filter (where isfinite(occurred_at) and occurred_at between '0001-01-01Z' and '9999-12-31Z') as since ${UNSEALED}`;
      const [state] = (await run(toStatement(text, [workspaceId, LOWEST_ID]))) as UnsealedState[];
      return state ?? { count: 0, since: null };
    },
  };
}

export function createUnsealedReader(workspaceId: string, schema: SchemaMap, run: Run): ReadUnsealedEvents {
  const text = `select ${schema.get("AuditEvent")?.columns} ${UNSEALED} order by id limit $3`;
  return async ({ afterId, take }) => (await run(toStatement(text, [workspaceId, afterId, take]))) as AuditEventRow[];
}

/** Appends leaves to the log, the first one at the place `from`. */
export type AppendAuditLeaves = (from: number, leaves: readonly Omit<AuditLeafRow, "seq">[]) => Promise<void>;

/** In SQL, because Prisma's createMany of as many rows takes twenty times as long. */
export function createLeafAppender(workspaceId: string, run: Run): AppendAuditLeaves {
  const text = `insert into parlant.parlant_audit_leaf (workspace_id, seq, event_id, leaf_hash)
select $1, $2::bigint + place - 1, event_id, decode(hash, 'hex')
from unnest($3::uuid[], $4::text[]) with ordinality as leaf (event_id, hash, place)`;
  return async (from, leaves) => {
    const ids = leaves.map(({ eventId }) => eventId);
    const hashes = leaves.map(({ leafHash }) => Buffer.from(leafHash).toString("hex"));
    await run(toStatement(text, [workspaceId, from, ids, hashes]));
  };
}

/** The lowest id there is, for all events. */
export const LOWEST_ID = "00000000-0000-0000-0000-000000000000";

const UNSEALED = `from parlant.parlant_audit_event event where workspace_id = $1 and id > $2::uuid and not exists (
  select from parlant.parlant_audit_leaf leaf where leaf.workspace_id = $1 and leaf.event_id > $2::uuid and leaf.event_id = event.id)`;

function toStatement(text: string, values: unknown[]): Statement {
  return { name: statementName(text), text, values };
}
