import fc from "fast-check";
import { IDS, KEYS, NAMES, USERS } from "./world.ts";

/** One call of a workspace's client. */
export interface Operation {
  model: string;
  action: string;
  args: Record<string, unknown>;
}

const TIME = new Date("2026-01-02T00:00:00Z");
const from = <Value>(values: readonly Value[]) => fc.constantFrom(...values);
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });

/** What a client would write to get out of its workspace; each must be refused or change nothing. */
const wayOut = from<Record<string, unknown>>([
  { workspaceId: "b" },
  { workspaceId: { not: "a" } },
  { workspaceId_id: { workspaceId: "b", id: IDS[0] } },
  { workspace: { is: { id: "b" } } },
  { workspace: { agents: { some: {} } } },
]);

interface Shape {
  key: fc.Arbitrary<Record<string, unknown>>;
  scalar: fc.Arbitrary<Record<string, unknown>>;
  row: fc.Arbitrary<Record<string, unknown>>;
  /** A row as it is written under its parent, which gives it the reference. */
  child: fc.Arbitrary<Record<string, unknown>>;
  change: fc.Arbitrary<Record<string, unknown>>;
  order: Record<string, unknown>[];
  relations: Record<string, { model: string; isList: boolean }>;
}

const agentRow = fc
  .record({ id: from(IDS), name: from(NAMES), maxTokens: fc.integer({ min: 1, max: 400 }) })
  .map((row) => ({ ...row, nameKey: row.name, boundary: "x", boundaryKeyVersion: 1, createdAt: TIME, updatedAt: TIME }));
const grantChild = fc
  .record({ userId: from(USERS), level: from(["view", "manage"]) })
  .map((row) => ({ ...row, createdAt: TIME, updatedAt: TIME }));
const keyChild = fc
  .record({ principal: from(["p", "q"]), key: from(KEYS) })
  .map((row) => ({ ...row, procedure: "x", requestHash: "y", response: {}, createdAt: TIME }));

const SHAPES: Record<string, Shape> = {
  agent: {
    key: fc.record({ id: from(IDS) }),
    scalar: fc.oneof(
      fc.record({ id: from(IDS) }),
      fc.record({ name: fc.oneof(from(NAMES), fc.record({ contains: from(["a", "of"]) })) }),
      fc.record({ maxTokens: fc.record({ gt: fc.integer({ min: 0, max: 350 }) }) }),
      fc.record({ description: fc.record({ startsWith: fc.constant("of") }) }),
    ),
    row: agentRow,
    child: agentRow,
    change: fc.oneof(
      fc.record({ description: fc.constant("changed") }),
      fc.record({ maxTokens: fc.record({ increment: fc.constant(1) }) }),
      fc.record({ id: from(IDS) }),
    ),
    order: [{ maxTokens: "asc" }, { name: "desc" }, { grants: { _count: "desc" } }],
    relations: { grants: { model: "agentGrant", isList: true } },
  },
  agentGrant: {
    key: fc.record({ agentId: from(IDS), userId: from(USERS) }),
    scalar: fc.oneof(
      fc.record({ userId: from(USERS) }),
      fc.record({ level: from(["view", "manage"]) }),
      fc.record({ agentId: from(IDS) }),
    ),
    row: fc.oneof(
      fc.tuple(grantChild, from(IDS)).map(([row, agentId]) => ({ ...row, agentId })),
      fc.tuple(grantChild, from(IDS)).map(([row, id]) => ({ ...row, agent: { connect: { id } } })),
    ),
    child: grantChild,
    change: fc.oneof(fc.record({ level: from(["view", "manage"]) }), fc.record({ agentId: from(IDS) })),
    order: [{ userId: "asc" }, { agent: { maxTokens: "desc" } }],
    relations: { agent: { model: "agent", isList: false } },
  },
  workspaceState: {
    key: fc.constant({}),
    scalar: fc.constant({ settings: { equals: {} } }),
    row: fc.constant({ keySalt: Buffer.alloc(32, 9), createdAt: TIME, updatedAt: TIME }),
    child: fc.constant({ keySalt: Buffer.alloc(32, 9), createdAt: TIME, updatedAt: TIME }),
    change: fc.constant({ settings: { changed: true } }),
    order: [{ createdAt: "asc" }],
    relations: { idempotency: { model: "idempotencyKey", isList: true } },
  },
  idempotencyKey: {
    key: fc.record({ principal: from(["p", "q"]), key: from(KEYS) }),
    scalar: fc.oneof(fc.record({ key: from(KEYS) }), fc.record({ principal: from(["p", "q"]) })),
    row: keyChild,
    child: keyChild,
    change: fc.record({ procedure: from(["x", "z"]) }),
    order: [{ key: "asc" }],
    relations: { state: { model: "workspaceState", isList: false } },
  },
};
export const MODELS = Object.keys(SHAPES);

function shape(model: string): Shape {
  const found = SHAPES[model];
  if (!found) throw new Error(`No shape for ${model}`);
  return found;
}

function filter(model: string, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const { scalar, relations } = shape(model);
  const leaf = fc.oneof(
    { weight: 12, arbitrary: scalar },
    { weight: 1, arbitrary: wayOut },
    { weight: 2, arbitrary: fc.constant({}) },
  );
  if (depth === 0) return leaf;
  const inner = fc.oneof(leaf, filter(model, depth - 1));
  const through = Object.entries(relations).map(([name, relation]) =>
    fc
      .tuple(from(relation.isList ? ["some", "every", "none"] : ["is", "isNot", ""]), filter(relation.model, depth - 1))
      .map(([operator, value]) => ({ [name]: operator === "" ? value : { [operator]: value } })),
  );
  const logical = fc.tuple(from(["AND", "OR", "NOT"]), fc.array(inner, { maxLength: 2 })).map(([name, all]) => ({ [name]: all }));
  return fc.oneof(leaf, logical, ...through);
}

function selection(model: string, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const { relations } = shape(model);
  const lists = Object.entries(relations).filter(([, { isList }]) => isList);
  const parts = Object.entries(relations).map(([name, relation]) =>
    depth === 0
      ? fc.constant({ [name]: true })
      : fc
          .tuple(fc.option(selection(relation.model, depth - 1), { nil: undefined }), maybe(filter(relation.model, 1)))
          .map(([include, where]) => ({
            [name]: {
              ...(include && { include }),
              ...(relation.isList && { orderBy: keyOrder(relation.model), ...(where && { where }) }),
              ...(!relation.isList &&
                !include && { select: { [Object.keys(shape(relation.model).order[0] ?? {})[0] ?? ""]: true } }),
            },
          })),
  );
  const counts = lists.map(([name, relation]) =>
    fc.oneof(
      fc.constant({ _count: true }),
      filter(relation.model, 1).map((where) => ({ _count: { select: { [name]: { where } } } })),
    ),
  );
  return fc.oneof(...parts, ...counts, fc.constant({ workspace: true }));
}

/** The primary key's order, behind which nothing is left to chance. */
function keyOrder(model: string): Record<string, unknown>[] {
  const fields = {
    agent: ["id"],
    agentGrant: ["agentId", "userId"],
    workspaceState: ["createdAt"],
    idempotencyKey: ["principal", "key"],
  }[model];
  return (fields ?? []).map((field) => ({ [field]: "asc" }));
}

const ordered = (model: string) =>
  maybe(from(shape(model).order)).map((first) => ({ orderBy: [...(first ? [first] : []), ...keyOrder(model)] }));
const window = (model: string) =>
  fc.record(
    { take: fc.integer({ min: -3, max: 4 }), skip: fc.integer({ min: 0, max: 2 }), cursor: shape(model).key },
    { requiredKeys: [] },
  );
const withSelection = (model: string) => maybe(selection(model, 2)).map((include) => (include ? { include } : {}));

function nestedWrites(model: string, isUpdate: boolean): fc.Arbitrary<Record<string, unknown>> {
  const lists = Object.entries(shape(model).relations).filter(([, { isList }]) => isList);
  const [list] = lists;
  if (!list) return fc.constant({});
  const [name, { model: child }] = list;
  const { key, child: row, change } = shape(child);
  const operations: fc.Arbitrary<Record<string, unknown>>[] = [
    row.map((create) => ({ create })),
    fc.array(row, { maxLength: 2 }).map((data) => ({ createMany: { data, skipDuplicates: true } })),
    key.map((connect) => ({ connect })),
    fc.tuple(key, row).map(([where, create]) => ({ connectOrCreate: { where, create } })),
  ];
  if (isUpdate) {
    operations.push(
      fc.tuple(key, change).map(([where, data]) => ({ update: { where, data } })),
      fc.tuple(filter(child, 1), change).map(([where, data]) => ({ updateMany: { where, data } })),
      fc.tuple(key, row, change).map(([where, create, update]) => ({ upsert: { where, create, update } })),
      key.map((where) => ({ delete: where })),
      filter(child, 1).map((where) => ({ deleteMany: where })),
      fc.constant({ set: [] }),
    );
  }
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant({}) },
    { weight: 3, arbitrary: fc.oneof(...operations).map((operation) => ({ [name]: operation })) },
  );
}

const merged = (...arbitraries: fc.Arbitrary<Record<string, unknown>>[]) =>
  fc.tuple(...arbitraries).map((parts) => Object.assign({}, ...parts) as Record<string, unknown>);
const escaping = fc.oneof({ weight: 12, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: wayOut });

function argumentsOf(model: string, action: string): fc.Arbitrary<Record<string, unknown>> {
  const { key, row, change } = shape(model);
  const where = filter(model, 2).map((value) => ({ where: value }));
  const unique = merged(key, escaping).map((value) => ({ where: value }));
  const created = merged(row, nestedWrites(model, false), escaping).map((data) => ({ data }));
  const changed = merged(change, nestedWrites(model, true), escaping).map((data) => ({ data }));
  switch (action) {
    case "findUnique":
    case "findUniqueOrThrow":
    case "delete":
      return merged(unique, withSelection(model));
    case "findFirst":
    case "findFirstOrThrow":
    case "findMany":
      return merged(where, ordered(model), window(model), withSelection(model));
    case "count":
      return merged(where, ordered(model), window(model));
    case "aggregate":
      return merged(
        where,
        fc.constant(
          model === "agent" ? { _count: true, _sum: { maxTokens: true }, _max: { maxTokens: true } } : { _count: true },
        ),
      );
    case "groupBy":
      return merged(
        where,
        fc.constant({ by: [Object.keys(keyOrder(model)[0] ?? {})[0]], _count: true, orderBy: keyOrder(model)[0] }),
      );
    case "create":
      return merged(created, withSelection(model));
    case "createMany":
    case "createManyAndReturn":
      return fc
        .tuple(
          fc.array(
            merged(shape(model).child, model === "agentGrant" ? fc.record({ agentId: from(IDS) }) : fc.constant({}), escaping),
            { maxLength: 3 },
          ),
          fc.boolean(),
        )
        .map(([data, skipDuplicates]) => ({ data, skipDuplicates }));
    case "update":
      return merged(unique, changed, withSelection(model));
    case "updateMany":
    case "updateManyAndReturn":
      return merged(
        where,
        merged(change, escaping).map((data) => ({ data })),
      );
    case "upsert":
      return merged(unique, fc.record({ create: merged(row, escaping), update: merged(change, escaping) }), withSelection(model));
    case "deleteMany":
      return where;
    default:
      throw new Error(`No arguments for ${action}`);
  }
}

/** Any call of any action on any model, nested to depth 3, with attempts to leave the workspace among them. */
export function operation(actions: readonly string[]): fc.Arbitrary<Operation> {
  return fc
    .tuple(from(MODELS), from(actions))
    .chain(([model, action]) => argumentsOf(model, action).map((args) => ({ model, action, args })));
}
