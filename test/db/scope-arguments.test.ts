import { describe, expect, test } from "vitest";
import { ScopeError } from "../../server/db/scope.ts";
import { scopeArguments } from "../../server/db/scope-arguments.ts";
import { SCHEMA } from "./scope-schema.ts";
import { date, SCOPED, W } from "./scoped-cases.ts";

const scoped = (name: string, action: string, args?: unknown) => scopeArguments({ model: name, action, args }, "w", SCHEMA);

/** [model, action, arguments, what is named as refused] */
const OF_CALLER = "a workspaceId of the caller's";
const REFUSED: [string, string, unknown, string][] = [
  ["Room", "findMany", {}, 'the model "Room"'],
  ["Attic", "findMany", {}, 'the model "Attic"'],
  ["Shelf", "queryRaw", {}, "the action"],
  ["Shelf", "toString", {}, "the action"],
  ["Shelf", "findMany", null, "an argument of this kind"],
  ["Shelf", "findMany", [], "an argument of this kind"],
  ["Shelf", "findMany", date, "an argument of this kind"],
  ["Shelf", "findMany", { toString: 1 }, 'the argument "toString"'],
  ["Shelf", "findMany", { data: {} }, 'the argument "data"'],
  ["Shelf", "findMany", { where: undefined }, "a filter of this kind"],
  ["Shelf", "findMany", { where: { AND: null } }, "a filter of this kind"],
  ["Shelf", "findMany", { where: { AND: [date] } }, "a filter of this kind"],
  ["Shelf", "findMany", { where: { name: undefined } }, 'an undefined "name" in a filter'],
  ["Shelf", "findMany", { where: W }, OF_CALLER],
  ["Shelf", "findMany", { where: { workspaceId_id: {} } }, OF_CALLER],
  ["Shelf", "findMany", { where: { id_workspaceId: {} } }, OF_CALLER],
  ["Shelf", "findMany", { where: { OR: [{ NOT: W }] } }, OF_CALLER],
  ["Shelf", "findMany", { where: { books: { some: W } } }, OF_CALLER],
  ["Shelf", "findMany", { where: { room: { name: "a" } } }, 'the model "Room"'],
  ["Shelf", "findMany", { where: { books: null } }, "a filter of this kind on a relation"],
  ["Shelf", "findMany", { where: { books: [] } }, "a filter of this kind on a relation"],
  ["Shelf", "findMany", { where: { sign: date } }, "a filter of this kind on a relation"],
  ["Shelf", "findMany", { where: { books: { is: {} } } }, 'the relation filter "is"'],
  ["Shelf", "findMany", { where: { books: { title: "a" } } }, 'the relation filter "title"'],
  ["Shelf", "findMany", { where: { sign: { is: {}, text: "a" } } }, 'the relation filter "text"'],
  ["Shelf", "findMany", { where: { sign: { is: {}, some: {} } } }, 'the relation filter "some"'],
  ["Shelf", "findUnique", { where: {} }, "a unique key that is not one of (id)"],
  ["Book", "findUnique", { where: { shelfId: "s" } }, "a unique key that is not one of (id) (shelfId, title)"],
  ["Book", "findUnique", { where: { id: null } }, "a unique key that is not one of (id) (shelfId, title)"],
  ["Book", "findUnique", { where: { id: { in: ["1"] } } }, "a unique key that is not one of (id) (shelfId, title)"],
  ["Book", "findMany", { cursor: { id: "1", title: "t" } }, "a cursor of anything but a unique key"],
  ["Shelf", "findMany", { select: [] }, "a selection of this kind"],
  ["Shelf", "findMany", { include: { books: 1 } }, "a selection of this kind"],
  ["Shelf", "findMany", { include: { books: { data: {} } } }, 'the argument "data" of a relation'],
  ["Shelf", "findMany", { include: { room: true } }, 'the model "Room"'],
  ["Shelf", "findMany", { include: { _count: { select: { name: true } } } }, 'a count of "name"'],
  ["Shelf", "findMany", { include: { _count: { select: true } } }, "a count of this kind"],
  ["Shelf", "findMany", { include: { _count: { select: {}, where: {} } } }, "a count of this kind"],
  ["Shelf", "findMany", { include: { _count: 1 } }, "a count of this kind"],
  ["Shelf", "findMany", { include: { _count: { select: { rooms: true } } } }, 'the model "Room"'],
  ["Shelf", "findMany", { orderBy: "name" }, "an order of this kind"],
  ["Shelf", "findMany", { orderBy: [{ workspaceId: "asc" }] }, OF_CALLER],
  ["Page", "findMany", { orderBy: { book: { shelf: { room: { name: "asc" } } } } }, 'the model "Room"'],
  ["Shelf", "findMany", { orderBy: { rooms: { _count: "asc" } } }, 'the model "Room"'],
  ["Shelf", "create", { data: [] }, "data of this kind"],
  ["Shelf", "create", { data: W }, OF_CALLER],
  ["Shelf", "createMany", { data: [{}, W] }, OF_CALLER],
  ["Shelf", "update", { where: { id: "1" }, data: { workspaceId_id: {} } }, OF_CALLER],
  ["Shelf", "create", { data: { room: { connect: { id: "r" } } } }, 'the model "Room"'],
  ["Shelf", "create", { data: { books: [] } }, "a write of this kind to a relation"],
  ["Shelf", "create", { data: { books: { update: {} } } }, 'the operation "update" on a relation'],
  ["Shelf", "create", { data: { books: { toString: {} } } }, 'the operation "toString" on a relation'],
  ["Shelf", "update", { where: { id: "1" }, data: { books: { set: [] } } }, 'the operation "set" on a relation'],
  ["Shelf", "update", { where: { id: "1" }, data: { books: { disconnect: [] } } }, 'the operation "disconnect" on a relation'],
  ["Shelf", "create", { data: { books: { createMany: [] } } }, "a createMany of this kind"],
  ["Shelf", "create", { data: { books: { createMany: { data: [], where: {} } } } }, 'the argument "where" of a createMany'],
  ["Shelf", "create", { data: { books: { createMany: { data: [W] } } } }, OF_CALLER],
  ["Shelf", "create", { data: { books: { connectOrCreate: "x" } } }, "a write of this kind to a relation"],
  ["Shelf", "create", { data: { books: { connectOrCreate: { data: {} } } } }, 'the argument "data" of a write to a relation'],
  [
    "Shelf",
    "create",
    { data: { books: { connectOrCreate: { toString: {} } } } },
    'the argument "toString" of a write to a relation',
  ],
  ["Page", "create", { data: { book: { create: {} } } }, "a write to a relation other than connect"],
  ["Page", "create", { data: { book: { connect: { id: "1" }, create: {} } } }, "a write to a relation other than connect"],
  ["Page", "create", { data: { book: null } }, "a write to a relation other than connect"],
  ["Page", "create", { data: { book: { connect: { shelfId: "s", title: "t" } } } }, "a connect by anything but (id)"],
  ["Note", "create", { data: { page: { connect: { number: 2 } } } }, "a connect by anything but (bookId, number)"],
  ["Shelf", "findMany", { where: { books: { every: { AND: null } } } }, "a filter of this kind"],
  ["Page", "create", { data: { book: { connect: "1" } } }, "a connect by anything but (id)"],
  ["Shelf", "create", { data: { sign: { connect: {} } } }, "a connect from the side that holds no reference"],
];

describe("arguments come out confined to the workspace", () => {
  test.each(SCOPED)("%s.%s(%j)", (name, action, args, expected) => {
    expect(scoped(name, action, args)).toStrictEqual(expected);
  });

  test("and are not changed themselves", () => {
    for (const [name, action, args] of SCOPED) {
      const before = structuredClone(args);
      scoped(name, action, args);
      expect(args).toEqual(before);
    }
  });

  test("in the same order of keys, of which Prisma makes its plan", () => {
    expect(Object.keys(scoped("Shelf", "findUnique", { where: { name: "a", id: "1" } })["where"] as object)).toEqual([
      "name",
      "workspaceId_id",
      "workspaceId",
    ]);
  });
});

describe("what is not known to be harmless is refused by name", () => {
  test.each(REFUSED)("%s.%s(%j)", (name, action, args, what) => {
    const refusal = () => scoped(name, action, args);
    expect(refusal).toThrow(ScopeError);
    expect(refusal).toThrow(expect.objectContaining({ name: "ScopeError" }));
    expect(refusal).toThrow(new ScopeError(`${name}.${action}: ${what} is not available in a workspace's client`));
  });
});
