import type { Prisma } from "../../db/generated/client.ts";
import { levelCaller, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { decodeCursor, encodeCursor, type Keyset } from "../../shared/pagination.ts";
import { comparisonKey } from "../../shared/text.ts";
import { type AgentRow, isAuthentic, toAgent } from "./agent-row.ts";
import type { AgentPage, ListAgentsInput } from "./schemas.ts";

type AgentFilter = Omit<Prisma.AgentWhereInput, "workspaceId">;

/** One page of the workspace's agents that the caller can see, in a stable order. */
export async function listAgents(ctx: WorkspaceContext, input: ListAgentsInput): Promise<AgentPage> {
  const { limit, cursor, ...query } = input;
  const after = cursor === undefined ? null : decodeCursor(query, cursor);
  const rows = await ctx.db.agent.findMany({
    where: {
      deletedAt: null,
      AND: [visibleAgents(ctx), filterOf(input), ...(after ? [beyond(input, after)] : [])],
    },
    orderBy: [{ [sortColumn(input)]: input.sortOrder }, { id: input.sortOrder }],
    take: limit + 1,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.filter((row) => isAuthentic(ctx, row)).map((row) => toAgent(ctx, row)),
    nextCursor: rows.length > limit && last ? encodeCursor(query, keysetOf(input, last)) : null,
    isolation: { workspaceId: ctx.workspaceId, verified: true },
  };
}

/** The agents on which the caller's level is "view" or more: the rule of agentLevel, in SQL. */
function visibleAgents(ctx: WorkspaceContext): AgentFilter {
  const { permission, userId, keyId } = levelCaller(ctx);
  if (permission === "admin") return {};
  if (permission === "read") return { visibility: "workspace" };
  const own: AgentFilter = userId === null ? { createdByKeyId: keyId } : { createdBy: userId };
  return { OR: [{ visibility: "workspace" }, own] };
}

function filterOf(input: ListAgentsInput): AgentFilter {
  const isArchivedHidden = !input.includeArchived && input.status === undefined;
  return {
    ...(input.status !== undefined && { status: input.status }),
    ...(isArchivedHidden && { status: { not: "archived" } }),
    ...(input.createdBy !== undefined && { createdBy: input.createdBy }),
    ...(input.tag !== undefined && { tags: { has: input.tag } }),
    ...(input.search !== undefined && {
      OR: [{ name: containing(input.search) }, { description: containing(input.search) }],
    }),
  };
}

/** A substring in any case; what LIKE would read as a wildcard stands for itself. */
function containing(text: string): { contains: string; mode: "insensitive" } {
  return { contains: text.replace(/[\\%_]/g, "\\$&"), mode: "insensitive" };
}

function sortColumn(input: ListAgentsInput): "createdAt" | "updatedAt" | "nameKey" {
  return input.sortBy === "name" ? "nameKey" : input.sortBy;
}

function beyond(input: ListAgentsInput, { value, id }: Keyset): AgentFilter {
  const column = sortColumn(input);
  const operator = input.sortOrder === "asc" ? "gt" : "lt";
  const bound = column === "nameKey" ? value : new Date(value);
  return { OR: [{ [column]: { [operator]: bound } }, { [column]: bound, id: { [operator]: id } }] };
}

function keysetOf(input: ListAgentsInput, row: AgentRow): Keyset {
  const value = row[sortColumn(input)];
  return { value: value instanceof Date ? value.toISOString() : comparisonKey(value), id: row.id };
}
