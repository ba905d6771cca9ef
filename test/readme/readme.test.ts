import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COMMANDS } from "../../client-sdk/src/cli/commands.ts";
import { COMMON_FLAGS, parseFlags } from "../../client-sdk/src/cli/flags.ts";
import { parseEnv } from "../../server/env.ts";
import { blocks, codeIn, PROSE, README, tableUnder } from "./readme-parts.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), "utf8");
const packageJson: Record<
  "scripts" | "dependencies" | "devDependencies" | "optionalDependencies",
  Record<string, string>
> = JSON.parse(read("package.json"));

test("every npm script that it names exists", () => {
  const named = [...README.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name ?? "");
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter((name) => packageJson.scripts[name] === undefined)).toEqual([]);
  expect(packageJson.scripts).toMatchObject({ start: expect.any(String), test: expect.any(String) });
});

test("every command in its shell blocks is npm's, curl's or PostgreSQL's, and every flag of ours is one that is read", () => {
  const commands = blocks("bash").flatMap((text) =>
    text
      .split(/\n|&&/)
      .map((line) => line.trim())
      .filter(Boolean),
  );
  expect(commands.length).toBeGreaterThan(8);
  const KNOWN =
    /^([A-Z_]+=\S+ ?)*(npm (ci|start|test|run [\w:-]+( -- .*)?)|curl -s .*|pg_dump .*|pg_restore .*|npx @sim\/parlant-client .*|export [A-Z_=].*)?$/;
  expect(commands.filter((command) => !KNOWN.test(command))).toEqual([]);
  for (const command of commands.filter((one) => one.startsWith("npx "))) assertOurs(command);
  expect(() => assertOurs("npx @sim/parlant-client agents purge")).toThrow("agents purge");
  expect(() => assertOurs("npx @sim/parlant-client whoami --all")).toThrow("Unknown option");
  const flags = [...README.matchAll(/npm run ([\w:-]+) -- ([^`\n]*)/g)].flatMap(([, script = "", rest = ""]) =>
    (rest.match(/--[\w-]+/g) ?? []).map((flag) => ({ flag, file: packageJson.scripts[script]?.replace(/^node /, "") ?? "" })),
  );
  expect(flags.map(({ flag }) => flag)).toContain("--create-role");
  for (const { flag, file } of flags) expect(read(file)).toContain(`"${flag.slice(2)}"`);
});

/** @throws where the client's program has no such command, or the command no such flag */
function assertOurs(line: string): void {
  const [, , ...words] = line.split(" ");
  const name = [words.slice(0, 2).join(" "), words[0] ?? ""].find((one) => one in COMMANDS);
  const command = COMMANDS[name ?? ""];
  if (name === undefined || !command) throw new Error(`There is no command ${words.join(" ")}`);
  parseFlags(words.slice(name.split(" ").length), { ...COMMON_FLAGS, ...command.flags });
}

test("every variable that the server reads is in its table, with the default that it has, and no other is", () => {
  const declared = [...read("server/env.ts").matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name]) => name ?? "");
  const documented = tableUnder("Configuration").map(([name = "", value = ""]) => ({
    name: codeIn(name)[0] ?? "",
    value: codeIn(value)[0],
  }));
  expect(declared.filter((name) => name !== "DATABASE_URL").length).toBeGreaterThan(25);
  expect(documented.map(({ name }) => name).sort()).toEqual([...new Set(declared)].sort());
  const defaults: Record<string, unknown> = parseEnv({});
  for (const { name, value } of documented) {
    const given: Record<string, unknown> = parseEnv({ [name]: value });
    expect(given[name], name).toEqual(defaults[name]);
    if (value === undefined) expect([undefined, "", []], name).toContainEqual(defaults[name]);
    else expect(defaults[name], name).toBeDefined();
  }
});

test("control: a default that is not the server's is noticed", () => {
  expect(parseEnv({ PORT: "8002" }).PORT).not.toEqual(parseEnv({}).PORT);
  expect(parseEnv({ AGENT_RETENTION: "31d" }).AGENT_RETENTION).not.toEqual(parseEnv({}).AGENT_RETENTION);
});

test("every dependency is in its table with a reason, and no other is", () => {
  const rows = tableUnder("Dependencies").map(([names = "", reason = ""]) => ({ names: codeIn(names), reason }));
  const { dependencies, devDependencies, optionalDependencies } = packageJson;
  const installed = [dependencies, devDependencies, optionalDependencies].flatMap((group) => Object.keys(group));
  expect(rows.flatMap(({ names }) => names).sort()).toEqual(installed.sort());
  expect(rows.filter(({ reason }) => reason === "")).toEqual([]);
});

test("every path that it names exists", () => {
  const paths = codeIn(PROSE).filter((code) => /^(server|prisma|client-sdk|test|\.ci)\/[\w./-]*$|^LICENSE$/.test(code));
  expect(paths.length).toBeGreaterThan(30);
  expect(paths.filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([]);
});

test("it leads to no heading that is not there", () => {
  const anchors = [...README.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  const headings = [...README.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => title.toLowerCase().replaceAll(" ", "-"));
  expect(headings).toEqual(expect.arrayContaining(anchors));
});
