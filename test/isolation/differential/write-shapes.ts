import { constant, fieldsOf, known, type Language, oneOf, relationsOf, valuesOf, waysOut } from "./language.ts";
import { filter, unique } from "./read-shapes.ts";
import { type Field, keyWithin, type Model, type Relation } from "./schema.ts";
import type { Part, Shape } from "./shapes.ts";
import { isNumeric, poolOf } from "./values.ts";

/** The row under which another is written, and which gives it the reference. */
export type Parent = Relation | null;

const object = (parts: readonly Part[], picks: readonly [number, number] = [0, 0]): Shape => ({ kind: "object", parts, picks });
const position = (name: string, shape: Shape, more: Partial<Part> = {}): Part => ({ name, shape, isPosition: true, ...more });
const required = (name: string, shape: Shape) => position(name, shape, { isRequired: true });
const oneOrSeveral = (shape: Shape): Shape => ({ kind: "choice", of: [shape, { kind: "list", of: shape, sizes: [0, 2] }] });

/** The columns that hold a reference to another row, and so give way to the relation of that name. */
function references(language: Language, model: Model, parent: Parent) {
  return relationsOf(language, model).filter(
    ({ relation }) => !relation.isList && relation.name !== parent?.opposite && relation.fields.length > 0,
  );
}

/** A row without relations. All that has no value of its own is given one, or two databases would differ in the time. */
export function row(language: Language, model: Model, parent: Parent = null): Shape {
  return known(language, `row ${model.name} ${parent?.opposite}`, () => object(columns(language, model, parent), [0, 2]));
}

function columns(language: Language, model: Model, parent: Parent): Part[] {
  const given = fieldsGivenBy(model, parent);
  return [
    ...fieldsOf(language, model)
      .filter(({ name }) => !given.includes(name))
      .map((field) => ({ name: field.name, shape: valuesOf(model, field.name), isRequired: isNeeded(field) })),
    ...waysOut(language, model, "data").filter(({ name }) => !given.includes(name)),
  ];
}

function fieldsGivenBy({ relations }: Model, parent: Parent): readonly string[] {
  return parent ? [...(relations.find(({ name }) => name === parent.opposite)?.fields ?? []), parent.opposite] : [];
}

function isNeeded({ isOptional, isList, hasDefault, type }: Field): boolean {
  return type === "DateTime" ? !isOptional : !isOptional && !isList && !hasDefault;
}

/** A row with writes to what it is related to, to the depth. */
export function created(language: Language, model: Model, depth: number, parent: Parent = null): Shape {
  return known(language, `created ${model.name} ${depth} ${parent?.opposite}`, () => {
    const lists = listParts(language, model, depth, parent, "create");
    const plain = columns(language, model, parent);
    const to = references(language, model, parent).map(({ relation, target }) =>
      position(relation.name, toOne(language, relation, target, depth, "create"), { excludes: relation.fields }),
    );
    if (language.dialect === "scoped") return object([...to, ...lists, ...plain], [0, 2]);
    // Prisma takes either the columns of references or the relations, the workspace's among them.
    const held = new Set(references(language, model, parent).flatMap(({ relation }) => relation.fields));
    const free = plain.filter(({ name }) => !held.has(name));
    const related = to.map((part) => ({ ...part, isRequired: true }));
    const forms = [object([...lists, ...plain], [0, 2])];
    if (to.length > 0) forms.push(object([...lists, ...free, ...related], [0, 2]));
    return { kind: "choice", of: forms };
  });
}

/** A change of columns alone: of one of them, so that of several rows each fails alike. */
export function columnChange(language: Language, model: Model, parent: Parent = null): Shape {
  return known(language, `change ${model.name} ${parent?.opposite}`, () => object(changeParts(language, model, parent), [1, 1]));
}

function changeParts(language: Language, model: Model, parent: Parent): Part[] {
  const given = fieldsGivenBy(model, parent);
  const to = references(language, model, parent).map(({ relation }) => relation.name);
  return [
    ...fieldsOf(language, model)
      .filter(({ name }) => !given.includes(name))
      .map((field) => ({
        name: field.name,
        shape: changeOf(field, isInKey(model, field)),
        excludes: references(language, model, parent).some(({ relation }) => relation.fields.includes(field.name)) ? to : [],
      })),
    ...waysOut(language, model, "data").filter(({ name }) => !given.includes(name)),
  ];
}

function isInKey({ keys }: Model, { name }: Field): boolean {
  return keys.some((key) => key.includes(name));
}

/**
 * A part of a key is only set: PostgreSQL looks row by row whether a key is taken, so that of several rows which move by
 * some steps it is left to their order on the disk whether one is in another's way.
 */
function changeOf(field: Field, isOfKey: boolean): Shape {
  const value = oneOf(poolOf(field));
  const by = (name: string): Shape => object([{ name, shape: value, isRequired: true }]);
  if (field.isList) return { kind: "choice", of: [value, by("set"), by("push")] };
  if (field.type === "Json") return value;
  const forms = [value, by("set"), ...(isNumeric(field) && !isOfKey ? [by("increment"), by("decrement"), by("multiply")] : [])];
  return { kind: "choice", of: field.isOptional ? [...forms, constant(null)] : forms };
}

/** A change with writes to what the row is related to, to the depth. */
export function changed(language: Language, model: Model, depth: number, parent: Parent = null): Shape {
  return known(language, `changed ${model.name} ${depth} ${parent?.opposite}`, () =>
    object(
      [
        ...changeParts(language, model, parent).map((part) => ({
          ...part,
          weight: part.weight === 0 ? 0 : model.isScoped ? 0.2 : 0.02,
        })),
        ...references(language, model, parent).map(({ relation, target }) =>
          position(relation.name, toOne(language, relation, target, depth, "change"), { excludes: relation.fields }),
        ),
        ...relationsOf(language, model)
          .filter(({ relation }) => !relation.isList && relation.fields.length === 0 && relation.name !== parent?.opposite)
          .map(({ relation, target }) => position(relation.name, toOne(language, relation, target, depth, "change"))),
        ...listParts(language, model, depth, parent, "change"),
      ],
      [1, 2],
    ),
  );
}

function listParts(language: Language, model: Model, depth: number, parent: Parent, kind: "create" | "change"): Part[] {
  if (depth === 0) return [];
  return relationsOf(language, model)
    .filter(({ relation }) => relation.isList && relation.name !== parent?.opposite)
    .map(({ relation, target }) => position(relation.name, toMany(language, relation, target, depth - 1, kind)));
}

/** One operation on the rows of a list; of the children written the parent gives the reference. */
function toMany(language: Language, relation: Relation, target: Model, depth: number, kind: "create" | "change"): Shape {
  const where = unique(language, target, Math.min(depth, 1));
  const make = created(language, target, depth, relation);
  const many: Shape = { kind: "list", of: row(language, target, relation), sizes: [0, 2] };
  const creating = [
    position("create", oneOrSeveral(make)),
    position("createMany", object([required("data", many), position("skipDuplicates", oneOf([true, false]))], [0, 1])),
    position("connect", oneOrSeveral(where)),
    position("connectOrCreate", oneOrSeveral(object([required("where", where), required("create", make)]))),
  ];
  if (kind === "create") return object(creating, [1, 1]);
  const change = changed(language, target, depth, relation);
  // Prisma takes no relation here.
  const those = filter(language, target, 0);
  const change1 = columnChange(language, target, relation);
  return object(
    [
      ...creating,
      position("update", oneOrSeveral(object([required("where", where), required("data", change)]))),
      position("updateMany", oneOrSeveral(object([required("where", those), required("data", change1)]))),
      position("upsert", oneOrSeveral(object([required("where", where), required("create", make), required("update", change)]))),
      position("delete", oneOrSeveral(where)),
      position("deleteMany", oneOrSeveral(those)),
      position("set", oneOrSeveral(where)),
      position("disconnect", oneOrSeveral(where)),
    ],
    [1, 1],
  );
}

/** One operation on the one row that is referred to. A workspace's client knows only the connection by its key. */
function toOne(language: Language, relation: Relation, target: Model, depth: number, kind: "create" | "change"): Shape {
  const within = keyWithin(target);
  const key: Shape =
    language.dialect === "scoped"
      ? object(within.map((name) => ({ name, shape: valuesOf(target, name), isRequired: true })))
      : unique(language, target, 0);
  const connect = position("connect", key, { weight: 3 });
  if (depth === 0) return object([connect], [1, 1]);
  const make = created(language, target, depth - 1, relation);
  const creating = [
    connect,
    position("create", make),
    position("connectOrCreate", object([required("where", key), required("create", make)])),
  ];
  if (kind === "create") return object(creating, [1, 1]);
  const change = changed(language, target, depth - 1, relation);
  const narrowed = object([required("where", filter(language, target, 0)), required("data", change)]);
  return object(
    [
      ...creating,
      position("update", { kind: "choice", of: [change, narrowed] }),
      position("upsert", object([required("create", make), required("update", change)])),
      ...(relation.isOptional ? ["delete", "disconnect"] : ["disconnect"]).map((name) =>
        position(name, constant(true), { weight: 0.2 }),
      ),
    ],
    [1, 1],
  );
}
