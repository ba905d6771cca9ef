import type { ModelMap, SchemaMap } from "../../server/db/schema-map.ts";

const list = (model: string) => ({ model, isList: true, references: new Map<string, string>() });
const one = (model: string, references: Record<string, string> = {}) => ({
  model,
  isList: false,
  references: new Map(Object.entries(references)),
});
const model = (name: string, part: Partial<ModelMap>): [string, ModelMap] => [
  name,
  {
    name,
    scope: "workspace",
    relations: new Map(),
    isSoftDeleted: false,
    uniqueKeys: [["id"]],
    columns: "",
    table: name,
    columnOf: new Map(),
    ...part,
  },
];

/** A shelf of books, which are softly deleted, with pages; each shelf has a sign, and lies in one of Sim's rooms. */
export const SCHEMA: SchemaMap = new Map([
  model("Shelf", {
    relations: new Map([
      ["books", list("Book")],
      ["sign", one("Sign")],
      ["room", one("Room", { id: "roomId" })],
      ["rooms", list("Room")],
    ]),
  }),
  model("Book", {
    isSoftDeleted: true,
    relations: new Map([
      ["shelf", one("Shelf", { id: "shelfId" })],
      ["pages", list("Page")],
    ]),
    uniqueKeys: [["id"], ["shelfId", "title"]],
  }),
  model("Page", {
    relations: new Map([["book", one("Book", { id: "bookId" })]]),
    uniqueKeys: [["bookId", "number"]],
  }),
  model("Note", {
    relations: new Map([["page", one("Page", { workspaceId: "workspaceId", number: "pageNumber", bookId: "pageBookId" })]]),
  }),
  model("Sign", { relations: new Map([["shelf", one("Shelf", { id: "shelfId" })]]), uniqueKeys: [[]] }),
  model("Room", { scope: "sim" }),
]);
