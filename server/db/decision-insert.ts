import type { Statement } from "./sim-reader.ts";

/** An allowed read, as it is kept. */
export interface DecisionRow {
  workspaceId: string;
  id: string;
  occurredAt: Date;
  principalKind: string;
  principalId: string;
  procedure: string;
  agentId: string | null;
  outcome: "allow";
  source: "cache" | "database";
  requestId: string | null;
  latencyUs: number;
}

const COLUMNS = [
  ["workspace_id", "text", "workspaceId"],
  ["id", "uuid", "id"],
  ["occurred_at", "timestamptz", "occurredAt"],
  ["principal_kind", "text", "principalKind"],
  ["principal_id", "text", "principalId"],
  ["procedure", "text", "procedure"],
  ["agent_id", "uuid", "agentId"],
  ["outcome", "text", "outcome"],
  ["source", "text", "source"],
  ["request_id", "text", "requestId"],
  ["latency_us", "int4", "latencyUs"],
] as const satisfies readonly (readonly [string, string, keyof DecisionRow])[];

const TEXT = `insert into parlant.parlant_authz_decision (${COLUMNS.map(([column]) => column).join(", ")})
select * from unnest(${COLUMNS.map(([, type], index) => `$${index + 1}::${type}[]`).join(", ")}) on conflict do nothing`;

/** Inserts decisions of any workspaces as one statement; one that is there already stays as it is. */
export function decisionInsertStatement(rows: readonly DecisionRow[]): Statement {
  return {
    name: "insert_decisions",
    text: TEXT,
    values: COLUMNS.map(([, , field]) => rows.map((row) => row[field])),
  };
}
