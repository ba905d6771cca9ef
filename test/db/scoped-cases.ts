export const W = { workspaceId: "w" };
const LIVE = { workspaceId: "w", deletedAt: null };
export const date = new Date(0);

/** [model, action, arguments, what comes of them] */
export const SCOPED: [string, string, unknown, object][] = [
  // The filter at the root.
  ["Shelf", "findMany", undefined, { where: W }],
  ["Shelf", "findMany", {}, { where: W }],
  ["Shelf", "findMany", { where: { name: "a", at: date } }, { where: { name: "a", at: date, ...W } }],
  ["Book", "count", undefined, { where: LIVE }],
  ["Book", "deleteMany", { where: {}, limit: 1 }, { where: LIVE, limit: 1 }],
  ["Book", "findFirst", { where: { deletedAt: date } }, { where: { deletedAt: date, ...W } }],
  ["Book", "findFirst", { where: { deletedAt: null } }, { where: { deletedAt: null, ...W } }],
  ["Book", "findMany", { where: { AND: { deletedAt: date } } }, { where: { AND: { deletedAt: date }, ...W } }],
  [
    "Book",
    "findMany",
    { where: { OR: [{ title: "a" }, { NOT: [{ deletedAt: date }] }] } },
    { where: { OR: [{ title: "a" }, { NOT: [{ deletedAt: date }] }], ...W } },
  ],
  // Speaking of a relation's deletion is not speaking of one's own.
  [
    "Book",
    "findMany",
    { where: { AND: [{ title: { deletedAt: "x" } }], pages: { some: { AND: [] } } } },
    { where: { AND: [{ title: { deletedAt: "x" } }], pages: { some: { AND: [], ...W } }, ...LIVE } },
  ],
  ["Shelf", "findMany", { where: Object.assign(Object.create(null), { name: "a" }) }, { where: { name: "a", ...W } }],
  // Filters on relations.
  ["Shelf", "findMany", { where: { books: { some: {} } } }, { where: { books: { some: LIVE }, ...W } }],
  [
    "Shelf",
    "findMany",
    { where: { books: { none: { title: "a" } } } },
    { where: { books: { none: { title: "a", ...LIVE } }, ...W } },
  ],
  [
    "Shelf",
    "findMany",
    { where: { books: { every: { title: "a" } } } },
    { where: { books: { every: { OR: [{ NOT: LIVE }, { title: "a", ...LIVE }] } }, ...W } },
  ],
  [
    "Shelf",
    "findMany",
    { where: { books: { every: { deletedAt: null } } } },
    { where: { books: { every: { OR: [{ NOT: W }, { deletedAt: null, ...W }] } }, ...W } },
  ],
  ["Book", "findMany", { where: { shelf: { name: "a" } } }, { where: { shelf: { name: "a", ...W }, ...LIVE } }],
  ["Page", "findMany", { where: { book: { is: { title: "a" } } } }, { where: { book: { is: { title: "a", ...LIVE } }, ...W } }],
  ["Page", "findMany", { where: { book: { isNot: {} } } }, { where: { book: { isNot: LIVE }, ...W } }],
  ["Shelf", "findMany", { where: { sign: null } }, { where: { sign: null, ...W } }],
  ["Shelf", "findMany", { where: { sign: { is: null } } }, { where: { sign: { is: null }, ...W } }],
  ["Shelf", "findMany", { where: { NOT: { sign: { isNot: null } } } }, { where: { NOT: { sign: { isNot: null } }, ...W } }],
  // Keys.
  ["Shelf", "findUnique", { where: { id: "1" } }, { where: { workspaceId_id: { ...W, id: "1" }, ...W } }],
  [
    "Page",
    "delete",
    { where: { bookId: "1", number: 2, text: "a" } },
    { where: { text: "a", workspaceId_bookId_number: { ...W, bookId: "1", number: 2 }, ...W } },
  ],
  [
    "Book",
    "findUniqueOrThrow",
    { where: { shelfId: "s", title: "t" } },
    { where: { workspaceId_shelfId_title: { ...W, shelfId: "s", title: "t" }, ...LIVE } },
  ],
  [
    "Book",
    "findUnique",
    { where: { id: "1", title: "t" } },
    { where: { title: "t", workspaceId_id: { ...W, id: "1" }, ...LIVE } },
  ],
  [
    "Book",
    "findUnique",
    { where: { id: "1", deletedAt: date } },
    { where: { deletedAt: date, workspaceId_id: { ...W, id: "1" }, ...W } },
  ],
  ["Sign", "findUnique", { where: {} }, { where: W }],
  ["Sign", "findUnique", { where: { text: "a" } }, { where: { text: "a", ...W } }],
  [
    "Book",
    "findMany",
    { cursor: { id: "1" }, skip: 1 },
    { where: LIVE, cursor: { workspaceId_id: { ...W, id: "1" }, ...W }, skip: 1 },
  ],
  // Selections.
  ["Shelf", "findMany", { select: { name: true } }, { where: W, select: { name: true } }],
  ["Shelf", "findMany", { include: undefined, select: null }, { where: W, include: undefined, select: null }],
  ["Shelf", "findMany", { include: { books: true, sign: true } }, { where: W, include: { books: { where: LIVE }, sign: true } }],
  ["Shelf", "findMany", { include: { books: false, room: false } }, { where: W, include: { books: false, room: false } }],
  [
    "Shelf",
    "findMany",
    { include: { sign: { select: { text: true } } } },
    { where: W, include: { sign: { select: { text: true } } } },
  ],
  [
    "Shelf",
    "findMany",
    {
      include: {
        books: {
          where: { title: "a" },
          include: { pages: true },
          orderBy: { title: "asc" },
          cursor: { id: "1" },
          take: 1,
          skip: 2,
          distinct: ["title"],
          omit: { title: true },
        },
      },
    },
    {
      where: W,
      include: {
        books: {
          where: { title: "a", ...LIVE },
          include: { pages: { where: W } },
          orderBy: { title: "asc" },
          cursor: { workspaceId_id: { ...W, id: "1" }, ...W },
          take: 1,
          skip: 2,
          distinct: ["title"],
          omit: { title: true },
        },
      },
    },
  ],
  [
    "Shelf",
    "findMany",
    { include: { books: { where: { deletedAt: date } } } },
    { where: W, include: { books: { where: { deletedAt: date, ...W } } } },
  ],
  ["Shelf", "findMany", { include: { books: { take: 1 } } }, { where: W, include: { books: { where: LIVE, take: 1 } } }],
  ["Shelf", "findMany", { include: { _count: true } }, { where: W, include: { _count: { select: { books: { where: LIVE } } } } }],
  [
    "Shelf",
    "findMany",
    { select: { _count: { select: { books: true } } } },
    { where: W, select: { _count: { select: { books: { where: LIVE } } } } },
  ],
  [
    "Shelf",
    "findMany",
    { select: { _count: { select: { books: { where: { title: "a" } }, rooms: false } } } },
    { where: W, select: { _count: { select: { books: { where: { title: "a", ...LIVE } }, rooms: false } } } },
  ],
  // Orders.
  [
    "Page",
    "findMany",
    { orderBy: [{ number: "asc" }, { book: { title: "desc" } }] },
    { where: W, orderBy: [{ number: "asc" }, { book: { title: "desc" } }] },
  ],
  ["Shelf", "findMany", { orderBy: { books: { _count: "asc" } } }, { where: W, orderBy: { books: { _count: "asc" } } }],
  ["Shelf", "findMany", { orderBy: undefined }, { where: W, orderBy: undefined }],
  // What is created.
  ["Shelf", "create", { data: { name: "a" } }, { data: { name: "a", ...W } }],
  ["Shelf", "createMany", { data: { name: "a" }, skipDuplicates: true }, { data: [{ name: "a", ...W }], skipDuplicates: true }],
  ["Shelf", "createManyAndReturn", { data: [{ name: "a" }, {}] }, { data: [{ name: "a", ...W }, W] }],
  [
    "Note",
    "create",
    { data: { page: { connect: { number: 2, bookId: "1" } } } },
    { data: { pageBookId: "1", pageNumber: 2, ...W } },
  ],
  ["Page", "create", { data: { book: { connect: { id: "1" } } } }, { data: { bookId: "1", ...W } }],
  [
    "Shelf",
    "create",
    {
      data: {
        books: {
          create: [{ title: "a", pages: { create: { number: 1 } } }],
          createMany: { data: [{ title: "b" }], skipDuplicates: false },
          connect: { id: "1" },
          connectOrCreate: [{ where: { id: "2" }, create: { title: "c" } }],
        },
      },
    },
    {
      data: {
        books: {
          create: [{ title: "a", pages: { create: { number: 1 } } }],
          createMany: { data: [{ title: "b" }], skipDuplicates: false },
          connect: { workspaceId_id: { ...W, id: "1" }, ...LIVE },
          connectOrCreate: [{ where: { workspaceId_id: { ...W, id: "2" }, ...LIVE }, create: { title: "c" } }],
        },
        ...W,
      },
    },
  ],
  [
    "Shelf",
    "create",
    { data: { books: { createMany: { data: { title: "a" } } } } },
    { data: { books: { createMany: { data: { title: "a" } } }, ...W } },
  ],
  // What is changed.
  ["Shelf", "updateMany", { data: { name: "b" }, limit: 1 }, { where: W, data: { name: "b" }, limit: 1 }],
  [
    "Shelf",
    "update",
    {
      where: { id: "1" },
      data: {
        name: { set: "b" },
        books: {
          create: { title: "a" },
          update: { where: { id: "2" }, data: { title: "b" } },
          updateMany: [{ where: { title: "c" }, data: { pages: { deleteMany: {} } } }],
          upsert: { where: { id: "3" }, create: { title: "d" }, update: { title: "e" } },
          delete: [{ id: "4" }, { id: "5", deletedAt: date }],
          deleteMany: { title: "f" },
        },
      },
    },
    {
      where: { workspaceId_id: { ...W, id: "1" }, ...W },
      data: {
        name: { set: "b" },
        books: {
          create: { title: "a" },
          update: { where: { workspaceId_id: { ...W, id: "2" }, ...LIVE }, data: { title: "b" } },
          updateMany: [{ where: { title: "c", ...LIVE }, data: { pages: { deleteMany: W } } }],
          upsert: { where: { workspaceId_id: { ...W, id: "3" }, ...LIVE }, create: { title: "d" }, update: { title: "e" } },
          delete: [
            { workspaceId_id: { ...W, id: "4" }, ...LIVE },
            { workspaceId_id: { ...W, id: "5" }, deletedAt: date, ...W },
          ],
          deleteMany: { title: "f", ...LIVE },
        },
      },
    },
  ],
  [
    "Book",
    "update",
    { where: { id: "1" }, data: { shelf: { connect: { id: "2" } } } },
    { where: { workspaceId_id: { ...W, id: "1" }, ...LIVE }, data: { shelfId: "2" } },
  ],
  [
    "Shelf",
    "upsert",
    { where: { id: "1" }, create: { name: "a" }, update: { name: "b" } },
    { where: { workspaceId_id: { ...W, id: "1" }, ...W }, create: { name: "a", ...W }, update: { name: "b" } },
  ],
  // Sums and groups.
  [
    "Shelf",
    "groupBy",
    { by: ["name"], having: { name: "a" }, _count: true },
    { where: W, by: ["name"], having: { name: "a" }, _count: true },
  ],
  ["Shelf", "aggregate", { _sum: { size: true }, where: { name: "a" } }, { where: { name: "a", ...W }, _sum: { size: true } }],
];
