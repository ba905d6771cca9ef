import {
  type AgentSums,
  type AgentSumsQuery,
  agentSumsStatement,
  type BucketSums,
  type BucketsQuery,
  bucketSumsStatement,
  type OverviewQuery,
  type OverviewRow,
  overviewStatement,
  type WorkspaceSums,
  workspaceSumsStatement,
} from "./analytics-statements.ts";
import { type Settled, type SettledRow, type SettleQuery, settleStatement, toSettled } from "./settle-activity.ts";
import type { Statement } from "./sim-reader.ts";

/** What happened in the sessions that the caller sees, each by one statement. */
export interface AnalyticsReads {
  overview(query: OverviewQuery): Promise<OverviewRow>;
  buckets(query: BucketsQuery): Promise<BucketSums[]>;
  /** What the workspace is to be joined with others by. */
  workspace(query: BucketsQuery): Promise<WorkspaceSums>;
  /** The numbers of some sessions are settled. */
  settle(query: SettleQuery): Promise<Settled>;
  /** A page of the agents that the caller sees, with the sums of their sessions. */
  agents(query: AgentSumsQuery): Promise<AgentSums[]>;
}

export function analyticsReads(workspaceId: string, query: (statement: Statement) => Promise<object[]>): AnalyticsReads {
  return Object.freeze<AnalyticsReads>({
    overview: async (given) => onlyRow((await query(overviewStatement(workspaceId, given))) as OverviewRow[]),
    workspace: async (given) => onlyRow((await query(workspaceSumsStatement(workspaceId, given))) as WorkspaceSums[]),
    buckets: (given) => query(bucketSumsStatement(workspaceId, given)) as Promise<BucketSums[]>,
    settle: async (given) => toSettled(onlyRow((await query(settleStatement(workspaceId, given))) as SettledRow[])),
    agents: (given) => query(agentSumsStatement(workspaceId, given)) as Promise<AgentSums[]>,
  });
}

function onlyRow<Row>([row]: Row[]): Row {
  if (!row) throw new Error("A sum is always one row");
  return row;
}
