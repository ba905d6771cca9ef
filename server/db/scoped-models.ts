import type { Prisma } from "./generated/client.ts";

/**
 * Where the rows of a model belong. "workspace": ours, scoped on workspaceId; "sim": Sim's, never reachable from a
 * workspace's client. A model without an entry does not compile.
 */
export const MODEL_SCOPE = {
  Agent: "workspace",
  AgentCounter: "workspace",
  AgentGrant: "workspace",
  AuditCheckpoint: "workspace",
  AuditEvent: "workspace",
  AuthzDecision: "workspace",
  AuditLeaf: "workspace",
  EndpointAttempt: "workspace",
  EndpointDelivery: "workspace",
  Event: "workspace",
  Guideline: "workspace",
  IdempotencyKey: "workspace",
  Session: "workspace",
  SessionActivity: "workspace",
  WebhookEndpoint: "workspace",
  WebhookDelivery: "workspace",
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

/** How an argument of an action is confined to the workspace. */
export type ArgumentRule =
  | "filter"
  | "unique"
  | "cursor"
  | "selection"
  | "order"
  | "created"
  | "createdRows"
  | "changes"
  | "plain";

const SELECTION = { select: "selection", include: "selection", omit: "plain", relationLoadStrategy: "plain" } as const;
const WINDOW = { orderBy: "order", take: "plain", skip: "plain", cursor: "cursor", distinct: "plain" } as const;
const SUMS = { _count: "plain", _sum: "plain", _avg: "plain", _min: "plain", _max: "plain" } as const;

/**
 * What each Prisma action may carry. An action that Prisma adds does not compile until it stands here; an argument that
 * does not stand here is refused.
 */
export const ACTION_RULES = {
  findUnique: { where: "unique", ...SELECTION },
  findUniqueOrThrow: { where: "unique", ...SELECTION },
  findFirst: { where: "filter", ...SELECTION, ...WINDOW },
  findFirstOrThrow: { where: "filter", ...SELECTION, ...WINDOW },
  findMany: { where: "filter", ...SELECTION, ...WINDOW },
  count: { where: "filter", select: "plain", ...WINDOW },
  aggregate: { where: "filter", ...SUMS, ...WINDOW },
  groupBy: { where: "filter", by: "plain", having: "plain", ...SUMS, ...WINDOW },
  create: { data: "created", ...SELECTION },
  createMany: { data: "createdRows", skipDuplicates: "plain" },
  createManyAndReturn: { data: "createdRows", skipDuplicates: "plain", ...SELECTION },
  update: { where: "unique", data: "changes", ...SELECTION },
  updateMany: { where: "filter", data: "changes", limit: "plain" },
  updateManyAndReturn: { where: "filter", data: "changes", limit: "plain", ...SELECTION },
  upsert: { where: "unique", create: "created", update: "changes", ...SELECTION },
  delete: { where: "unique", ...SELECTION },
  deleteMany: { where: "filter", limit: "plain" },
} as const satisfies Record<
  Exclude<Prisma.PrismaAction, "executeRaw" | "queryRaw" | "runCommandRaw" | "findRaw" | "aggregateRaw">,
  Record<string, ArgumentRule>
>;

export type Action = keyof typeof ACTION_RULES;
