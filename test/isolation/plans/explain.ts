import pg from "pg";

/** One node of a plan, as EXPLAIN gives it. */
interface PlanNode {
  "Node Type": string;
  Schema?: string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  Plans?: PlanNode[];
}

export interface Judgement {
  /** Tables and indexes of ours that the statement reads, by the node that does. */
  accesses: string[];
  /** Each access that is not led by the workspace. */
  faults: string[];
}

/** A statement that PostgreSQL plans. */
export function isPlanned(text: string): boolean {
  return /^\s*(select|insert|update|delete|with|merge)\b/i.test(text);
}

const NOT_PERMITTED = "42501";

/**
 * How the statement reaches our tables, by the plan that serves any values of its parameters; null for a statement that
 * the role may not make, which is never run. To be called inside a workspace.
 */
export async function judgePlan(client: pg.Client, text: string): Promise<Judgement | null> {
  await client.query("SAVEPOINT judge");
  try {
    await client.query("SET LOCAL plan_cache_mode = force_generic_plan");
    await client.query(`PREPARE judged AS ${text}`);
    const { rows: prepared } = await client.query<{ parameters: number }>(
      "SELECT cardinality(parameter_types) AS parameters FROM pg_prepared_statements WHERE name = 'judged'",
    );
    const parameters = Array(prepared[0]?.parameters ?? 0).fill("NULL");
    const execute = `judged${parameters.length > 0 ? `(${parameters.join(", ")})` : ""}`;
    const { rows } = await client.query<{ "QUERY PLAN": { Plan: PlanNode }[] }>(
      `EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE ${execute}`,
    );
    const nodes = rows[0]?.["QUERY PLAN"].flatMap(({ Plan }) => flatten(Plan)) ?? [];
    const ours = nodes.filter(isOurs);
    return { accesses: ours.map(describe), faults: ours.filter((node) => !isLedByWorkspace(node)).map(describe) };
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === NOT_PERMITTED) return null;
    throw error;
  } finally {
    await client.query("ROLLBACK TO judge");
    // A prepared statement outlives the transaction that made it.
    await client.query("DEALLOCATE ALL");
  }
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}

const READS = new Set([
  "Seq Scan",
  "Index Scan",
  "Index Only Scan",
  "Bitmap Index Scan",
  "Sample Scan",
  "Tid Scan",
  "Tid Range Scan",
]);

/** A node that reads a table or an index of ours; a bitmap's heap is reached through the index below it. */
function isOurs(node: PlanNode): boolean {
  if (!READS.has(node["Node Type"])) return false;
  return node.Schema === "parlant" || (node["Node Type"] === "Bitmap Index Scan" && /^parlant_/.test(node["Index Name"] ?? ""));
}

/** As a condition of the index, which every one of ours begins with (see the catalogue audit). */
function isLedByWorkspace(node: PlanNode): boolean {
  return /\bworkspace_id = /.test(node["Index Cond"] ?? "");
}

function describe(node: PlanNode): string {
  const on = node["Relation Name"] ?? node["Index Name"];
  return `${node["Node Type"]} on ${on}${node["Index Name"] ? ` by ${node["Index Name"]}: ${node["Index Cond"] ?? "no condition"}` : ""}`;
}

/** Runs the work in a transaction of the client's that is in a workspace, and undoes it. */
export async function inWorkspace<Result>(client: pg.Client, workspaceId: string, work: () => Promise<Result>): Promise<Result> {
  await client.query("BEGIN");
  try {
    await client.query(`SET LOCAL app.workspace_id = ${pg.escapeLiteral(workspaceId)}`);
    return await work();
  } finally {
    await client.query("ROLLBACK");
  }
}
