import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../server/shared/ids.ts";
import type { TestUser } from "../support/workspace.ts";
import { agents, expectLikeNothing, makeOracleWorld, type OracleWorld } from "./oracle-world.ts";
import type { Answer } from "./replay/transports.ts";

let world: OracleWorld;

beforeAll(async () => {
  world = await makeOracleWorld();
});

afterAll(() => world?.server.stop());

describe("a list is of what the caller sees alone:", () => {
  const list = (user: TestUser, query: Record<string, string>, workspaceId = world.here.id) =>
    world.ask(user, "GET", `${agents(workspaceId)}?${new URLSearchParams(query)}`);
  const namesIn = ({ body }: Answer) => (JSON.parse(body).data as { name: string }[]).map(({ name }) => name);

  test.each([
    ["search", "Hidden", "name"],
    ["search", "uart", "description"],
    ["search", "Deleted", "name"],
    ["search", "basalt", "description"],
    ["tag", "amber", "tags"],
    ["tag", "onyx", "tags"],
  ])("%s for %s finds nothing in a %s that is hidden", async (filter, text) => {
    for (const user of world.below) {
      const seen = await expectLikeNothing(text, (value) => list(user, { [filter]: value }));
      expect(namesIn(seen)).toEqual([]);
    }
    // The control: the admin finds what is hidden from the others.
    const isRestricted = ["Hidden", "uart", "amber"].includes(text);
    expect(namesIn(await list(world.here.admin, { [filter]: text }))).toEqual(isRestricted ? ["Hidden"] : []);
  });

  test("so are its pages and cursors: the last that is seen is the last, in every order", async () => {
    for (const user of world.below) {
      for (const sortBy of ["name", "createdAt", "updatedAt"]) {
        for (const sortOrder of ["asc", "desc"]) {
          const whole = namesIn(await list(user, { sortBy, sortOrder, limit: "100" }));
          expect(whole).not.toContain("Hidden");
          for (const limit of [1, 2, whole.length - 1, whole.length]) {
            const walked: string[] = [];
            for (let cursor: string | null = ""; cursor !== null; ) {
              const page = await list(user, { sortBy, sortOrder, limit: String(limit), ...(cursor && { cursor }) });
              walked.push(...namesIn(page));
              cursor = JSON.parse(page.body).nextCursor;
              if (walked.length === whole.length) expect(cursor).toBeNull();
            }
            expect(walked).toEqual(whole);
          }
        }
      }
    }
  });

  const cursorOf = ({ body }: Answer) => JSON.parse(body).nextCursor as string;
  const remade = (cursor: string, change: object) =>
    Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(cursor, "base64url").toString()), ...change })).toString("base64url");

  test("a cursor that ends at a hidden agent, an admin's or one made by hand, goes on as from nowhere", async () => {
    const query = { sortBy: "name", sortOrder: "asc", limit: "1" };
    const genuine = cursorOf(await list(world.here.reader, query));
    const atHidden = remade(genuine, { v: "hidden", id: world.hidden.id });
    for (const user of world.below) {
      const seen = await list(user, { ...query, cursor: atHidden });
      expect(seen.status).toBe(200);
      for (const id of [world.theirAgent.id, world.deleted.id, newId(0)]) {
        expect(await list(user, { ...query, cursor: remade(genuine, { v: "hidden", id }) })).toEqual(seen);
      }
      // Where the hidden agent is none the less, it is by its own sort value and not by its place.
      expect(await list(user, { ...query, cursor: remade(genuine, { v: "hiddem", id: world.hidden.id }) })).toEqual(seen);
    }
  });

  test("another workspace's cursor is refused like one that was made up", async () => {
    const query = { sortBy: "name", sortOrder: "asc", limit: "1" };
    await world.make(world.second, { name: "One" });
    await world.make(world.second, { name: "Two" });
    const elsewhere = cursorOf(await list(world.here.admin, query, world.second.id));
    for (const user of [world.here.admin, ...world.below]) {
      const refused = await list(user, { ...query, cursor: elsewhere });
      expect(refused.status).toBe(400);
      expect(await list(user, { ...query, cursor: remade(elsewhere, { id: newId(0) }) })).toEqual(refused);
      expect(await list(user, { ...query, cursor: "bWFkZSB1cA" })).toEqual(refused);
    }
  });

  test("it is not ordered by what is not shown, and says the same of every such column", async () => {
    const columns = ["systemPrompt", "boundary", "nameKey", "deletedAt", "visibility", "archiveReason", "workspaceId"];
    for (const user of world.below) {
      for (const column of columns) {
        const seen = await expectLikeNothing(column, (sortBy) => list(user, { sortBy }));
        expect(seen.status).toBe(400);
      }
    }
  });
});
