import { expect, test } from "vitest";
import { findBreaks, RULES } from "./layers.ts";
import { findCycle, readSources, toSourceFile } from "./source-graph.ts";

const sources = readSources("server", "client-sdk/src", "prisma");

test("no file breaks a rule of the architecture", () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(findBreaks(sources)).toEqual([]);
});

test("no imports run in a circle", () => {
  expect(findCycle(sources)).toBeNull();
});

test.each([
  ["server/shared/clock.ts", 'import { x } from "../db/client.ts";', "a layer imports only itself and lower ones"],
  ["server/workspaces/agents/get.ts", 'import { x } from "@trpc/server";', "a verb knows no transport"],
  ["server/workspaces/agents/get.ts", "const url = process.env.DATABASE_URL;", "a verb knows no transport"],
  ["server/workspaces/agents/get.ts", 'import pg from "pg";', "the base Prisma client"],
  ["server/workspaces/agents/get.ts", "database.unscopedPrisma.agent.findMany()", "the base Prisma client"],
  ["server/audit/list.ts", "ctx.db.$queryRawUnsafe(text)", "the base Prisma client"],
  ["server/permissions/enter.ts", 'const text = "select parlant.parlant_enter_system($1)";', "system work enters"],
  ["server/audit/enter.ts", 'const text = "select parlant.parlant_enter_system($1)";', "system work enters"],
  ["server/workspaces/agents/get.ts", 'import { x } from "../../db/system-binding.ts";', "system work enters"],
  ["server/dependencies.ts", 'import { x } from "./db/system-binding.ts";', "system work enters"],
  ["server/audit/x.ts", 'import { x } from "../../client-sdk/src/index.ts";', "the server imports of the client"],
  ["server/db/index.ts", "export const x = 1;", "there are no barrels"],
  ["server/db/all.ts", 'export * from "./client.ts";', "there are no barrels"],
  ["server/db/utils.ts", "", "a file is named for its one job"],
  ["server/db/long.ts", "\n".repeat(300), "a file stays under 300 lines"],
  ["client-sdk/src/client.ts", 'import type { AppRouter } from "../../server/router.ts";', "the client's sources import nothing"],
])("control: %s with %j is reported", (path, text, rule) => {
  expect(findBreaks([toSourceFile(path, text)]).join("\n")).toContain(rule);
  expect(RULES.some(({ name }) => name.startsWith(rule))).toBe(true);
});

test("control: a circle is found, through a type import too", () => {
  const circle = [
    toSourceFile("server/db/a.ts", 'import type { B } from "./b.ts";'),
    toSourceFile("server/db/b.ts", 'import {\n  A,\n} from "./a.ts";'),
  ];
  expect(findCycle(circle)).toEqual(["server/db/a.ts", "server/db/b.ts", "server/db/a.ts"]);
});
