import { ACTION_RULES, type Action } from "../../../server/db/scoped-models.ts";
import { callName, type Dialect, type Language, MAX_DEPTH, oneOf } from "./language.ts";
import { aggregateShape, filter, groupShapes, selectionParts, unique, windowParts } from "./read-shapes.ts";
import { delegateName, type Model, modelOf, type Schema, scopedModels, WORKSPACE_MODEL } from "./schema.ts";
import { type Made, make, type Part, type Position, positionsIn, type Random, type Shape } from "./shapes.ts";
import { changed, columnChange, created, row } from "./write-shapes.ts";

/** One call of a workspace's client. */
export interface Call {
  model: string;
  action: string;
  args: Record<string, unknown>;
  /** Whether some rows of the answer come in no order that the call says. */
  isUnordered: boolean;
}

const labelsOfCalls = new WeakMap<Call, readonly string[]>();

/** The positions that a call's arguments were made with; beside it, so that a call prints as no more than what it is. */
export const labelsOf = (call: Call) => labelsOfCalls.get(call) ?? [];

/** A kind of call, and all that its arguments can be. */
export interface CallKind {
  model: Model;
  action: string;
  shape: Shape;
  positions: Position[];
}

const ACTIONS = Object.keys(ACTION_RULES) as Action[];
/** For what Prisma refuses whoever asks. */
const RARELY = 0.05;
const GIVE_ROWS_IN_ANY_ORDER = ["createManyAndReturn", "updateManyAndReturn"];
/** Sim's rows are not ours to write, but ours are written through them. */
const ACTIONS_ON_WORKSPACE = ACTIONS.filter((action) => /^(find|count|aggregate|groupBy)/.test(action) || action === "update");

/** Every kind of call that a dialect has, nested to the depth: each action on each model of a workspace's, and in Prisma's own on Sim's workspace too. */
export function callKinds(schema: Schema, dialect: Dialect, depth = MAX_DEPTH): CallKind[] {
  const language: Language = { schema, dialect, depth, known: new Map() };
  const kinds = scopedModels(schema).flatMap((model) => ACTIONS.map((action) => ({ model, action })));
  if (dialect === "raw") {
    const model = modelOf(schema, WORKSPACE_MODEL);
    kinds.push(...ACTIONS_ON_WORKSPACE.map((action) => ({ model, action })));
  }
  return kinds.map(({ model, action }) => {
    const shape = argumentsOf(language, model, action);
    return { model, action, shape, positions: positionsIn(shape, callName(model, action)) };
  });
}

export function makeCall({ model, action, shape }: CallKind, random: Random, { steps }: Pick<Position, "steps">): Call {
  const { value, labels, isUnordered }: Made = make(shape, random, callName(model, action), steps);
  const call = {
    model: delegateName(model),
    action,
    args: value as Record<string, unknown>,
    isUnordered: isUnordered || GIVE_ROWS_IN_ANY_ORDER.includes(action),
  };
  labelsOfCalls.set(call, labels);
  return call;
}

function argumentsOf(language: Language, model: Model, action: Action): Shape {
  if (action === "groupBy") return groupShapes(language, model);
  const names = Object.keys(ACTION_RULES[action]);
  const parts = names.flatMap((name) => argument(language, model, action, name) ?? []);
  return { kind: "object", parts, picks: [1, 3], isListRead: action === "findMany" };
}

/** The arguments without which Prisma takes no call, says nothing, or without which chance would decide of which row it speaks. */
const REQUIRED: Partial<Record<Action, string[]>> = {
  findFirst: ["orderBy"],
  findFirstOrThrow: ["orderBy"],
  aggregate: ["_count"],
  update: ["data"],
  updateMany: ["data"],
  updateManyAndReturn: ["data"],
  create: ["data"],
  createMany: ["data"],
  createManyAndReturn: ["data"],
  upsert: ["create", "update"],
};

function argument(language: Language, model: Model, action: Action, name: string): Part | null {
  const isRequired = (name === "where" && takesKey(action)) || REQUIRED[action]?.includes(name) === true;
  const part = (shape: Shape, more: Partial<Part> = {}): Part => ({ name, shape, isPosition: true, isRequired, ...more });
  switch (name) {
    case "where":
      return part(takesKey(action) ? unique(language, model, language.depth) : filter(language, model, language.depth), {
        weight: 3,
      });
    case "data":
    case "create":
    case "update":
      return part(dataOf(language, model, action, name));
    case "skipDuplicates":
      return part(oneOf([true, false]));
    // Any number between would leave it to chance which rows are meant.
    case "limit":
      return part(oneOf([0, 100]));
    case "relationLoadStrategy":
      return part(oneOf(["join", "query"]), { weight: GIVE_ROWS_IN_ANY_ORDER.includes(action) ? RARELY : 1 });
    case "select":
      if (action === "count") return part(aggregateShape(language, model, "_count") ?? oneOf([true]));
      return selection(language, model, action, name);
    case "include":
    case "omit":
      return selection(language, model, action, name);
    case "orderBy":
    case "take":
    case "skip":
    case "cursor":
    case "distinct": {
      const window = windowParts(language, model).find((one) => one.name === name);
      // Prisma's findFirst knows no other numbers, and an aggregate no distinct; the scope lets both pass.
      if (name === "take" && action.startsWith("findFirst")) return part(oneOf([-1, 1]), { needs: ["orderBy"] });
      return window ? { ...window, isRequired, weight: name === "distinct" && !action.startsWith("find") ? RARELY : 1 } : null;
    }
    case "_count":
    case "_sum":
    case "_avg":
    case "_min":
    case "_max": {
      const shape = aggregateShape(language, model, name);
      return shape ? part(shape) : null;
    }
    default:
      throw new Error(`${action} has an argument "${name}" of which no shape is known: add one in ${import.meta.url}`);
  }
}

const takesKey = (action: Action) => "where" in ACTION_RULES[action] && ACTION_RULES[action].where === "unique";

function selection(language: Language, model: Model, action: Action, name: string): Part | null {
  // What several rows are written and returned with reaches no list.
  const depth = Math.min(language.depth, GIVE_ROWS_IN_ANY_ORDER.includes(action) ? 1 : MAX_DEPTH);
  return selectionParts(language, model, depth).find((part) => part.name === name) ?? null;
}

function dataOf(language: Language, model: Model, action: Action, name: string): Shape {
  if (action === "createMany" || action === "createManyAndReturn")
    return { kind: "list", of: row(language, model), sizes: [0, 3] };
  if (action === "updateMany" || action === "updateManyAndReturn") return columnChange(language, model);
  return name === "create" || action === "create"
    ? created(language, model, language.depth)
    : changed(language, model, language.depth);
}
