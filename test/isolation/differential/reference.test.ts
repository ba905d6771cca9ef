import fc from "fast-check";
import { expect, test } from "vitest";
import { scopeArguments } from "../../../server/db/scope-arguments.ts";
import { type Call, callKinds } from "./calls.ts";
import { callsOf, type Operation, OperationSequence } from "./operations.ts";
import { Reference, Refusal, type Rule } from "./reference.ts";
import { type Row, textOf } from "./reference-terms.ts";
import { keyWithin, type Model, readSchema, scopedModels } from "./schema.ts";
import { ME, WORKSPACES } from "./values.ts";
import { makeWorld, type World } from "./world.ts";

const { ISOLATION_FUZZ, ISOLATION_SEED } = process.env;
const CALLS = ISOLATION_FUZZ === "long" ? 20_000 : Math.min(Number(ISOLATION_FUZZ ?? 500), 100_000);
const LENGTH = 8;
const models = scopedModels(readSchema());

const check =
  (isFit: (row: Row) => boolean): Rule =>
  (row) =>
    isFit(row) ? null : "P2039";
const isNamed = (row: Row) => row["deletedAt"] === null && row["visibility"] === "workspace";

/** The rules of our tables that are SQL in the migrations, as far as the values of the calls come near them. */
const RULES: Record<string, Rule[]> = {
  Agent: [
    check((row) => (row["status"] === "archived") === (row["archivedAt"] !== null)),
    check(({ maxTokens }) => Number(maxTokens) >= 1 && Number(maxTokens) <= 100_000),
    check(({ maxEngineIterations }) => Number(maxEngineIterations) >= 1),
    check(({ temperature }) => Number(temperature) >= 0 && Number(temperature) <= 2),
    (row, others) =>
      isNamed(row) && others.some((other) => isNamed(other) && other["nameKey"] === row["nameKey"]) ? "P2002" : null,
  ],
  AuditLeaf: [check(({ seq }) => Number(seq) >= 0)],
  AuditCheckpoint: [check(({ treeSize }) => Number(treeSize) > 0)],
  Session: [
    check(({ status, endedAt }) => (status === "active") === (endedAt === null)),
    check(({ eventCount, messageCount }) => Number(eventCount) >= 0 && Number(messageCount) >= 0),
  ],
  Event: [check(({ offset }) => Number(offset) >= 0)],
  WebhookDelivery: [check(({ status, processedAt }) => (status === "done") === (processedAt !== null))],
  WorkspaceState: [check(({ deletionRequestedAt, deletionMode }) => (deletionRequestedAt === null) === (deletionMode === null))],
  WebhookEndpoint: [
    check(({ disabledReason }) => disabledReason === null || ["manual", "gone", "failing"].includes(String(disabledReason))),
    check(({ failures }) => Number(failures) >= 0),
    check(({ isEnabled, disabledReason }) => isEnabled === (disabledReason === null)),
    check(({ previousSecret, previousSecretUntil }) => (previousSecret === null) === (previousSecretUntil === null)),
  ],
  EndpointDelivery: [check(({ attempts }) => Number(attempts) >= 0)],
  EndpointAttempt: [check(({ number, durationMs }) => Number(number) >= 1 && Number(durationMs) >= 0)],
  AgentCounter: [check(({ slot }) => Number(slot) >= 0 && Number(slot) <= 15)],
};

/** The calls that the reference speaks: those that follow no relation, add nothing up, and sort by what has a plain order. */
const kinds = callKinds(readSchema(), "scoped", 0)
  .filter(({ action }) => action !== "aggregate" && action !== "groupBy")
  .map((kind) => ({ ...kind, positions: kind.positions.filter(({ label }) => !/!|relationLoadStrategy/.test(label)) }));

function isSpoken(call: Call): boolean {
  const { orderBy, distinct, cursor, take, data, create, update } = call.args;
  const model = models.find(({ name }) => name.toLowerCase() === call.model.toLowerCase());
  const related = new Set(model?.relations.map(({ name }) => name));
  const hasPlainOrder = (name: string) => {
    const field = model?.fields.find((one) => one.name === name);
    return field !== undefined && !field.isList && field.type !== "Json" && field.type !== "Bytes";
  };
  const written = [data, create, update].flatMap((one) => (Array.isArray(one) ? one : one ? [one] : []));
  return (
    ((orderBy ?? []) as Row[]).every((one) => Object.keys(one).every(hasPlainOrder)) &&
    !written.some((row) => Object.keys(row).some((name) => related.has(name))) &&
    // PostgreSQL checks a row that is to be put in even where the one that is there is changed in its stead.
    !(
      call.model === "workspaceState" &&
      create !== undefined &&
      ["deletionRequestedAt", "deletionMode"].some((name) => Object.hasOwn(create ?? {}, name))
    ) &&
    // In which order Prisma does these two is its own affair.
    !(distinct && (cursor || Number(take) < 0)) &&
    !(distinct && call.action === "count") &&
    // PostgreSQL takes no DISTINCT ON of what Prisma makes of a column that is named twice in the order.
    !(distinct && ((orderBy ?? []) as Row[]).length > (model ? keyWithin(model).length : 0)) &&
    // Prisma counts no page that begins at a row which is not there.
    !(cursor && call.action === "count")
  );
}

async function readRows(world: World): Promise<Map<string, Row[]>> {
  const rows = new Map<string, Row[]>();
  for (const model of models) rows.set(model.name, await rowsOf(world, model));
  return rows;
}

async function rowsOf({ superuser }: World, { table, fields }: Model): Promise<Row[]> {
  const columns = fields.map(
    ({ column, values, isList, name }) => `"${column}"${values && !isList ? "::text" : ""} as "${name}"`,
  );
  const { rows } = await superuser.query<Row>(`select ${columns.join(", ")} from ${table} where workspace_id = '${ME}'`);
  const big = new Set(fields.filter(({ type }) => type === "BigInt").map(({ name }) => name));
  const plain = ([name, value]: [string, unknown]) => {
    if (value instanceof Buffer) return [name, new Uint8Array(value)];
    return [name, value !== null && big.has(name) ? BigInt(value as string) : value];
  };
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(plain)));
}

const INVALID = "invalid";

async function settle(work: () => unknown, isUnordered: boolean): Promise<string> {
  try {
    const value = await work();
    const text = (one: unknown) => JSON.stringify(one, byName);
    return `value ${isUnordered && Array.isArray(value) ? value.map(text).sort().join() : text(value)}`;
  } catch (error) {
    const { code, message, name } = error as Error & { code?: string };
    if (name === "PrismaClientValidationError" || name === "ScopeError") return INVALID;
    return `error ${error instanceof Refusal ? message : (code ?? message)}`;
  }
}

/** Columns have no order of their own, and JSON no large integers. */
function byName(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

async function difference(world: World, operations: readonly Operation[], isHidingDeleted: boolean): Promise<string | null> {
  await world.snapshot.restore("mine");
  const reference = new Reference(models, await readRows(world), { rules: RULES, isHidingDeleted });
  for (const call of operations.flatMap(callsOf).filter(isSpoken)) {
    const seen = await settle(() => world.call(call), call.isUnordered);
    calls++;
    // A call that was made smaller than one can be says nothing.
    if (seen === INVALID) {
      invalid++;
      continue;
    }
    const expected = await settle(() => reference.call(call), call.isUnordered);
    if (seen !== expected) return `${textOf(call)}\n  saw ${seen}\n  by the reference it is ${expected}`;
  }
  return null;
}

let calls = 0;
let invalid = 0;

async function firstDifference(isHidingDeleted: boolean, numRuns: number) {
  const world = await makeWorld("all", { scope: scopeArguments, rowLevelSecurity: "off" });
  const property = fc.asyncProperty(new OperationSequence(kinds, LENGTH), async (operations) => {
    const found = await difference(world, operations, isHidingDeleted);
    if (found !== null) throw new Error(found);
  });
  try {
    const result = await fc.check(property, { numRuns, ...(ISOLATION_SEED && { seed: Number(ISOLATION_SEED) }) });
    return result.failed ? `${fc.defaultReportMessage(result)}\n${result.errorInstance}` : null;
  } finally {
    await world.close();
  }
}

test(`among ${WORKSPACES.length} workspaces each call does what it would to plain lists of the workspace's own rows`, {
  timeout: 3_600_000,
}, async () => {
  calls = 0;
  invalid = 0;
  expect(await firstDifference(true, Math.ceil(CALLS / LENGTH))).toBeNull();
  console.log(`${calls} calls as the reference has them`);
  expect(invalid / calls).toBeLessThan(0.1);
});

test("control: a reference that shows deleted rows is told apart", async () => {
  expect(await firstDifference(false, 200)).not.toBeNull();
});
