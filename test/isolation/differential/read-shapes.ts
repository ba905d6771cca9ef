import {
  condition,
  constant,
  fieldOf,
  fieldsOf,
  keysOf,
  known,
  type Language,
  oneOf,
  relationsOf,
  totalOrder,
  valuesOf,
  waysOut,
} from "./language.ts";
import type { Field, Model, Relation } from "./schema.ts";
import type { Part, Shape } from "./shapes.ts";
import { isNumeric, isOrdered, poolOf } from "./values.ts";

/** A filter, through relations to the depth. */
export function filter(language: Language, model: Model, depth: number, isInner = false): Shape {
  return known(language, `filter ${model.name} ${depth} ${isInner}`, () => ({
    kind: "object",
    parts: conditions(language, model, depth, isInner),
    picks: [0, 2],
  }));
}

function conditions(language: Language, model: Model, depth: number, isInner: boolean): Part[] {
  const columns = fieldsOf(language, model);
  return [
    ...columns.map((field) => ({ name: field.name, shape: condition(field), weight: 6 / columns.length })),
    ...(isInner
      ? []
      : ["AND", "OR", "NOT"].map((name) => ({
          name,
          isPosition: true,
          weight: 0.5,
          shape: logical(filter(language, model, depth, true), name),
        }))),
    ...(depth > 0 ? relationsOf(language, model) : []).map(({ relation, target }) => ({
      name: relation.name,
      isPosition: true,
      weight: 2,
      shape: relationFilter(relation, filter(language, target, depth - 1, isInner)),
    })),
    ...(isInner ? [] : waysOut(language, model, "filter")),
  ];
}

/** What is under a logical operator is as at its own level, so that its positions are not counted again. */
function logical(inner: Shape, name: string): Shape {
  const opaque = withoutPositions(inner);
  return name === "NOT" ? { kind: "choice", of: [opaque, severalOf(opaque)] } : severalOf(opaque);
}

const severalOf = (of: Shape): Shape => ({ kind: "list", of, sizes: [0, 2] });

function withoutPositions(shape: Shape): Shape {
  if (shape.kind === "list") return { ...shape, of: withoutPositions(shape.of) };
  if (shape.kind === "choice") return { ...shape, of: shape.of.map(withoutPositions) };
  if (shape.kind !== "object") return shape;
  return { ...shape, parts: shape.parts.map((part) => ({ ...part, isPosition: false, shape: withoutPositions(part.shape) })) };
}

function relationFilter(relation: Relation, inner: Shape): Shape {
  const operators = (names: string[], shape: Shape): Shape => ({
    kind: "object",
    parts: names.map((name) => ({ name, shape, isPosition: true })),
    picks: [1, 1],
  });
  if (relation.isList) return operators(["some", "every", "none"], inner);
  const one: Shape = relation.isOptional ? { kind: "choice", of: [inner, constant(null)] } : inner;
  return { kind: "choice", of: [operators(["is", "isNot"], one), inner] };
}

/** A unique key, with a filter beside it where that is aimed at: it would mostly miss. */
export function unique(language: Language, model: Model, depth: number): Shape {
  return known(language, `unique ${model.name} ${depth}`, () => ({
    kind: "choice",
    of: keysOf(language, model).map(({ fields, name }) => ({
      kind: "object",
      parts: [
        ...conditions(language, model, depth, false).filter((part) => !fields.includes(part.name) && part.name !== `!${name}`),
        ...keyParts(model, fields, name),
      ],
      picks: [0, 0],
    })),
  }));
}

/** The row where a page begins; whatever is beside its key panics Prisma, so that the scope refuses it. */
function cursor(language: Language, model: Model): Shape {
  return known(language, `cursor ${model.name}`, () => ({
    kind: "choice",
    of: keysOf(language, model).map(({ fields, name }) => ({
      kind: "object",
      parts: [...waysOut(language, model, "filter").filter((part) => part.name !== `!${name}`), ...keyParts(model, fields, name)],
      picks: [0, 0],
    })),
  }));
}

function keyParts(model: Model, fields: readonly string[], name: string | null): Part[] {
  const parts = fields.map((field) => ({ name: field, shape: valuesOf(model, field), isRequired: true }));
  return name === null ? parts : [{ name, isRequired: true, shape: { kind: "object", parts, picks: [0, 0] } }];
}

/** A list of orders, the last of which leaves nothing to chance. */
export function order(language: Language, model: Model): Shape {
  return known(language, `order ${model.name}`, () => ({
    kind: "list",
    of: oneOrder(language, model, Math.min(language.depth, 2)),
    sizes: [0, 1],
    tail: totalOrder(language, model),
  }));
}

function oneOrder(language: Language, model: Model, depth: number): Shape {
  const direction = oneOf(["asc", "desc"]);
  return {
    kind: "object",
    picks: [1, 1],
    parts: [
      ...fieldsOf(language, model).map((field) => ({ name: field.name, shape: field.isOptional ? nullable : direction })),
      ...(depth > 0 ? relationsOf(language, model) : []).map(({ relation, target }) => ({
        name: relation.name,
        isPosition: true,
        weight: 3,
        shape: relation.isList
          ? ({ kind: "object", parts: [{ name: "_count", shape: direction, isRequired: true }], picks: [0, 0] } as Shape)
          : oneOrder(language, target, depth - 1),
      })),
      ...waysOut(language, model, "order"),
    ],
  };
}

const nullable = oneOf(["asc", "desc", { sort: "asc", nulls: "first" }, { sort: "desc", nulls: "last" }]);

/** The parts of a read that say which of the rows it gives: each of them needs an order, or chance would decide. */
export function windowParts(language: Language, model: Model): Part[] {
  const needs = ["orderBy"];
  const columns = fieldsOf(language, model).map(({ name }) => name);
  const part = (name: string, shape: Shape): Part => ({ name, isPosition: true, shape, needs });
  return [
    { name: "orderBy", isPosition: true, shape: order(language, model) },
    part("take", oneOf([-2, -1, 0, 1, 2, 5])),
    part("skip", oneOf([0, 1, 2])),
    part("cursor", cursor(language, model)),
    part("distinct", { kind: "list", of: oneOf(columns), sizes: [1, 2] }),
  ];
}

/** select, include and omit, of which a call has at most the last two together. */
export function selectionParts(language: Language, model: Model, depth: number): Part[] {
  const columns: Part[] = fieldsOf(language, model).map(({ name }) => ({ name, shape: constant(true), weight: 0.3 }));
  const inner = known(language, `related ${model.name} ${depth}`, () => ({
    kind: "object",
    picks: [1, 2],
    parts: [...relatedParts(language, model, depth), ...waysOut(language, model, "selection").filter(isOfRelation)],
  })) as Shape & { kind: "object" };
  const isIncluding = inner.parts.some(({ weight }) => weight !== 0);
  return [
    { name: "select", isPosition: true, shape: { ...inner, parts: [...inner.parts, ...columns] }, excludes: ["include", "omit"] },
    ...(isIncluding ? [{ name: "include", isPosition: true, shape: inner, excludes: ["select"] }] : []),
    {
      name: "omit",
      isPosition: true,
      shape: { kind: "object", parts: columns, picks: [0, 2] },
      excludes: ["select"],
      weight: 0.3,
    },
  ];
}

/** A selection may name the workspace itself: that is no way out. */
const isOfRelation = ({ name }: Part) => name !== "!workspaceId";

function relatedParts(language: Language, model: Model, depth: number): Part[] {
  if (depth === 0) return [];
  const relations = relationsOf(language, model);
  const lists = relations.filter(({ relation }) => relation.isList);
  const counted: Shape = {
    kind: "object",
    picks: [1, 1],
    parts: lists.map(({ relation, target }) => ({
      name: relation.name,
      isPosition: true,
      shape: { kind: "choice", of: [constant(true), whereOnly(filter(language, target, depth - 1))] },
    })),
  };
  return [
    ...relations.map(({ relation, target }) => ({
      name: relation.name,
      isPosition: true,
      shape: related(language, relation, target, depth),
    })),
    ...(lists.length > 0
      ? [
          {
            name: "_count",
            isPosition: true,
            shape: {
              kind: "choice",
              of: [
                constant(true),
                { kind: "object", parts: [{ name: "select", isRequired: true, shape: counted }], picks: [0, 0] },
              ],
            } as Shape,
          },
        ]
      : []),
  ];
}

function whereOnly(where: Shape): Shape {
  return { kind: "object", parts: [{ name: "where", isPosition: true, isRequired: true, shape: where }], picks: [0, 0] };
}

function related(language: Language, relation: Relation, target: Model, depth: number): Shape {
  const where: Part = { name: "where", isPosition: true, shape: filter(language, target, depth - 1) };
  const whole: Shape = { kind: "value", make: () => true, isUnordered: relation.isList };
  const parts = [
    ...selectionParts(language, target, depth - 1),
    ...(relation.isList ? [where, ...windowParts(language, target)] : relation.isOptional ? [where] : []),
  ];
  return { kind: "choice", of: [{ kind: "object", parts, picks: [1, 3], isListRead: relation.isList }, whole] };
}

/** The aggregates of an aggregate or groupBy, by the names that Prisma gives them. */
export function aggregateShape(language: Language, model: Model, name: string): Shape | null {
  const of = (fields: readonly Field[]): Shape | null =>
    fields.length === 0
      ? null
      : { kind: "object", parts: fields.map((field) => ({ name: field.name, shape: constant(true) })), picks: [1, 2] };
  const columns = fieldsOf(language, model);
  if (name === "_count") return { kind: "choice", of: [constant(true), of(columns) ?? constant(true), constant({ _all: true })] };
  if (name === "_sum" || name === "_avg") return of(columns.filter(isNumeric));
  return of(columns.filter((field) => isOrdered(field) && !field.isUuid));
}

/** The arguments of groupBy beside the filter and the aggregates; one column is grouped by and ordered by. */
export function groupShapes(language: Language, model: Model): Shape {
  const columns = fieldsOf(language, model).filter(({ isList, type }) => !isList && type !== "Json" && type !== "Bytes");
  return {
    kind: "choice",
    of: columns.map(({ name }) => ({
      kind: "object",
      picks: [0, 3],
      parts: [
        { name: "by", isPosition: true, isRequired: true, shape: constant([name]) },
        { name: "where", isPosition: true, shape: filter(language, model, language.depth) },
        { name: "having", isPosition: true, shape: having(model, name) },
        { name: "orderBy", isPosition: true, shape: oneOf([{ [name]: "asc" }, { [name]: "desc" }]) },
        { name: "take", isPosition: true, shape: oneOf([1, 2, 5]), needs: ["orderBy"] },
        { name: "skip", isPosition: true, shape: oneOf([0, 1]), needs: ["orderBy"] },
        ...["_count", "_sum", "_avg", "_min", "_max"].flatMap((aggregate) => {
          const shape = aggregateShape(language, model, aggregate);
          return shape ? [{ name: aggregate, isPosition: true, shape }] : [];
        }),
      ],
      isListRead: true,
    })),
  };
}

function having(model: Model, by: string): Shape {
  const field = fieldOf(model, by);
  const counted = oneOf([{ [by]: { _count: { gt: 1 } } }, { [by]: { _count: { equals: 1 } } }]);
  const own: Shape = { kind: "object", parts: [{ name: by, shape: oneOf(poolOf(field)), isRequired: true }], picks: [0, 0] };
  return { kind: "choice", of: [counted, own] };
}
