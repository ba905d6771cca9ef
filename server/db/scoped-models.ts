import type { Prisma } from "./generated/client.ts";

/**
 * Where the rows of a model belong. "workspace": ours, scoped on workspaceId; "sim": Sim's, never reachable from a
 * workspace's client. A model without an entry does not compile.
 */
export const MODEL_SCOPE = {
  Agent: "workspace",
  AgentGrant: "workspace",
  AuditEvent: "workspace",
  IdempotencyKey: "workspace",
  WorkspaceState: "workspace",
  SimApiKey: "sim",
  SimMember: "sim",
  SimOrganization: "sim",
  SimPermission: "sim",
  SimSession: "sim",
  SimUser: "sim",
  SimVerification: "sim",
  SimWorkspace: "sim",
} as const satisfies Record<Prisma.ModelName, "workspace" | "sim">;

export type ScopedModelName = {
  [Name in Prisma.ModelName]: (typeof MODEL_SCOPE)[Name] extends "workspace" ? Name : never;
}[Prisma.ModelName];

/** An argument of an action: a filter and a cursor gain the workspace, data is given it, the rest passes if it names no relation. */
export type ArgumentRule = "filter" | "data" | "changes" | "shape" | "plain";

const SHAPE = { select: "shape", omit: "shape" } as const;
const WINDOW = { orderBy: "shape", take: "plain", skip: "plain", cursor: "filter", distinct: "plain" } as const;
const SUMS = { _count: "plain", _sum: "plain", _avg: "plain", _min: "plain", _max: "plain" } as const;

/**
 * What each Prisma action may carry. An action that Prisma adds does not compile until it stands here; an argument that
 * does not stand here is refused. Actions by a unique key are refused for now: a key without its workspace is not one.
 */
export const ACTION_RULES = {
  findFirst: { where: "filter", ...SHAPE, ...WINDOW },
  findFirstOrThrow: { where: "filter", ...SHAPE, ...WINDOW },
  findMany: { where: "filter", ...SHAPE, ...WINDOW },
  count: { where: "filter", select: "plain", ...WINDOW },
  aggregate: { where: "filter", ...SUMS, ...WINDOW },
  groupBy: { where: "filter", by: "plain", having: "shape", ...SUMS, ...WINDOW },
  create: { data: "data", ...SHAPE },
  createMany: { data: "data", skipDuplicates: "plain" },
  createManyAndReturn: { data: "data", skipDuplicates: "plain", ...SHAPE },
  updateMany: { where: "filter", data: "changes", limit: "plain" },
  updateManyAndReturn: { where: "filter", data: "changes", limit: "plain", ...SHAPE },
  deleteMany: { where: "filter", limit: "plain" },
  findUnique: "refused",
  findUniqueOrThrow: "refused",
  update: "refused",
  upsert: "refused",
  delete: "refused",
} as const satisfies Record<
  Exclude<Prisma.PrismaAction, "executeRaw" | "queryRaw" | "runCommandRaw" | "findRaw" | "aggregateRaw">,
  Record<string, ArgumentRule> | "refused"
>;

export type Action = keyof typeof ACTION_RULES;
export type AllowedAction = { [Name in Action]: (typeof ACTION_RULES)[Name] extends "refused" ? never : Name }[Action];
