import { cp, glob, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startTestServer } from "../support/server.ts";
import { makeCheckpoint, makeFile, makeLeaf, publicKey, toEvents, WORKSPACE } from "./audit/export-file.ts";
import { type Consumer, installConsumer } from "./consumer.ts";

/** What the fake has of the server, and zod with it; the fake alone loads it. */
const FAKE_RULES = join("dist", "generated", "server-rules.js");
/** Sim's cookie has the name that better-auth gave it. */
const SERVER_WORDS = /zod|prisma|fastify|better-auth(?!\.session_token)|(?<!@trpc\/)server\//i;

/** What a consumer may write, and what must not compile for them. */
const USAGE = `
import { createClient, NotFoundError, type Agent, type SimParlantError } from "@sim/parlant-client";

const agents = createClient({ baseUrl: "https://parlant.example.com", fetch }).workspace("ws").agents;
export const created: Promise<Agent> = agents.create({ name: "Scout", description: undefined });
export const day: number = (await agents.get("id")).createdAt.getDate();
export const details = (error: unknown): string | undefined => (NotFoundError.is(error) ? error.details?.code : undefined);
export const code = (error: SimParlantError): boolean => error.code === "RATE_LIMITED";
// @ts-expect-error: an agent needs a name
agents.create({ description: "x" });
// @ts-expect-error: no such field
agents.update("id", { colour: "red" });
// @ts-expect-error: no such sort
agents.list({ sortBy: "colour" });
// @ts-expect-error: the workspace is the client's
agents.create({ name: "Scout", workspaceId: "other" });
// @ts-expect-error: one credential
createClient({ baseUrl: "https://parlant.example.com", apiKey: "a", token: "b" });
// @ts-expect-error: a Date is no string
export const text: string = (await agents.get("id")).createdAt;
`;

const GLOBALS = `
declare const sim: import("@sim/parlant-client").SimClient;
declare const agents: import("@sim/parlant-client").Agents;
declare const agentId: string;
declare const workspaceId: string;
declare const userId: string;
declare const memberId: string;
`;

let consumer: Consumer;
/** The READMEs' code. */
let snippets: string[];

beforeAll(async () => {
  consumer = await installConsumer("@types/node", "@types/react", "@tanstack/react-query", "react");
  const readmes = await Promise.all(
    ["../../client-sdk/README.md", "../../README.md"].map((path) => readFile(new URL(path, import.meta.url), "utf8")),
  );
  const blocks = [...readmes.join("\n").matchAll(/^```(tsx?)\n(.*?)^```/gms)];
  snippets = blocks.map(([, , code = ""]) => code);
  expect(snippets.length).toBeGreaterThan(4);
  await Promise.all([
    write("package.json", JSON.stringify({ name: "consumer", type: "module", private: true })),
    write("usage.ts", USAGE),
    write("globals.d.ts", GLOBALS),
    ...blocks.map(([, extension, code = ""], index) =>
      write(`${code.includes("/trpc") ? "trpc" : "readme"}-${index}.${extension}`, `${code}export {};\n`),
    ),
  ]);
}, 120_000);
afterAll(() => consumer?.remove());

function write(name: string, text: string): Promise<void> {
  return writeFile(join(consumer.dir, name), text);
}

async function compile({ exclude, ...options }: { module: string; exclude?: string[] }): Promise<string> {
  const compilerOptions = { target: "ES2022", strict: true, skipLibCheck: false, noEmit: true, jsx: "react-jsx", ...options };
  await write("tsconfig.json", JSON.stringify({ compilerOptions, include: ["*.ts", "*.tsx"], exclude }));
  return (await consumer.run("tsc", "-p", ".", "--pretty", "false")).output;
}

const RESOLUTIONS = {
  nodenext: { module: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};
const PLATFORMS = {
  // tRPC's own declarations, which only the entry for tRPC brings along, need one library more.
  browser: { lib: ["ES2022", "DOM"], types: [], exclude: ["trpc-*.ts"] },
  "browser with tRPC": { lib: ["ES2022", "DOM", "ESNext.Disposable"], types: [] },
  node: { lib: ["ES2022"], types: ["node"], exactOptionalPropertyTypes: true },
};

describe("the packed client", () => {
  for (const [resolution, how] of Object.entries(RESOLUTIONS)) {
    for (const [platform, where] of Object.entries(PLATFORMS)) {
      test(`compiles with all its declarations checked, README included: ${resolution}, ${platform}`, async () => {
        expect(await compile({ ...how, ...where })).toBe("");
      });
    }
  }

  test("is refused by the compiler where it is used wrongly", async () => {
    await write("wrong.ts", 'import { createClient } from "@sim/parlant-client";\ncreateClient({ baseUrl: 1 });\n');
    const output = await compile({ ...RESOLUTIONS.nodenext, ...PLATFORMS.node });
    await write("wrong.ts", "export {};\n");
    expect(output).toContain("wrong.ts(2,");
  });

  test("names nothing of the server in its declarations, nor in its code", async () => {
    const files: string[] = [];
    for await (const file of glob("**/*", { cwd: consumer.package })) if (/\.(?:js|ts)$/.test(file)) files.push(file);
    expect(files).toContain(join("dist", "generated", "schemas.d.ts"));
    expect(await readFile(new URL("../../server/trpc/procedures.ts", import.meta.url), "utf8")).toMatch(SERVER_WORDS);
    const sources = await Promise.all(files.map(async (file) => [file, await readFile(join(consumer.package, file), "utf8")]));
    const naming = (words: RegExp) => sources.filter(([, source]) => words.test(source ?? "")).map(([file]) => file ?? "");
    expect(naming(SERVER_WORDS)).toEqual([FAKE_RULES]);
    const others = new RegExp(SERVER_WORDS.source.replace("zod|", ""), "i");
    expect(naming(others)).toEqual([]);
    const loading = naming(/generated\/server-rules\.js"/).filter((file) => !file.startsWith(join("dist", "testing")));
    expect(loading).toEqual([]);
    expect(sources.filter(([, source]) => /from "\.[^"]*\.ts"/.test(source ?? ""))).toEqual([]);
  });

  test("has a fake of the server that does what the README says, in a plain program", async () => {
    const program = snippets.find((code) => code.includes("/testing")) ?? "";
    await write("fake.ts", program);
    const { exitCode, output } = await consumer.run("node", "--disable-warning=ExperimentalWarning", "fake.ts");
    await rm(join(consumer.dir, "fake.ts"));
    const promised = [...program.matchAll(/console\.log.*\/\/ (.*)$/gm)].map(([, text]) => text);
    expect(promised).toHaveLength(4);
    expect({ exitCode, lines: output.trim().split("\n") }).toEqual({ exitCode: 0, lines: promised });
  });

  test("checks an audit export offline, with nothing but the file and the public key", async () => {
    const leaves = Array.from({ length: 5 }, (_, index) => makeLeaf(index));
    const file = await makeFile("ndjson", toEvents(leaves), await makeCheckpoint(leaves));
    const cut = leaves.slice(0, 3);
    await Promise.all([
      write("export.ndjson", file),
      write("export.csv", await makeFile("csv", toEvents(leaves), await makeCheckpoint(leaves))),
      write("bent.ndjson", file.replace('"seq":3', '"seq":3 ').replace("agent.update", "agent.updated")),
      write("cut.ndjson", await makeFile("ndjson", toEvents(cut), await makeCheckpoint(cut))),
      write("kept.txt", await makeCheckpoint(leaves.slice(0, 4))),
    ]);
    const script = join(consumer.package, "bin", "verify-audit-export.js");
    const check = (...args: string[]) => consumer.run("node", script, ...args);
    const key = ["--key", await publicKey()];
    const kept = ["--checkpoint", "kept.txt"];
    for (const name of ["export.ndjson", "export.csv"]) {
      expect(await check(name, ...key, ...kept)).toEqual({
        exitCode: 0,
        output: expect.stringContaining(`VALID workspace ${WORKSPACE}: 5 events; the log has 5 entries`),
      });
    }
    const bent = await check("bent.ndjson", ...key);
    expect(bent).toMatchObject({ exitCode: 1, output: expect.stringContaining("changed: Event 1 is not what was sealed") });
    expect(bent.output).toContain("malformed: The record of place 3 is not as it was written");
    // The control: a log that was cut back and signed is valid in itself, and not beside a checkpoint of earlier.
    expect(await check("cut.ndjson", ...key)).toMatchObject({ exitCode: 0 });
    expect(await check("cut.ndjson", ...key, ...kept)).toMatchObject({
      exitCode: 1,
      output: expect.stringContaining("truncated: The log had 4 entries once and has 3"),
    });
    for (const args of [
      [],
      ["export.csv"],
      ["none.csv", ...key],
      ["export.csv", "--key", "x"],
      ["export.csv", ...key, "--what"],
    ]) {
      expect(await check(...args)).toMatchObject({ exitCode: 2 });
    }
    const sources: string[] = [];
    for await (const source of glob("dist/audit/*.js", { cwd: consumer.package })) sources.push(source);
    expect(sources.length).toBeGreaterThan(10);
    for (const source of sources) {
      const imports = [...(await readFile(join(consumer.package, source), "utf8")).matchAll(/ from "([^"]+)"/g)];
      expect(imports.filter(([, name]) => !name?.startsWith("./"))).toEqual([]);
    }
  });

  test("carries its licence, and that of what it brings along", async () => {
    const licence = await readFile(new URL("../../LICENSE", import.meta.url), "utf8");
    expect(await readFile(join(consumer.package, "LICENSE"), "utf8")).toBe(licence);
    const zod = await readFile(new URL("../../node_modules/zod/LICENSE", import.meta.url), "utf8");
    expect(await readFile(join(consumer.package, FAKE_RULES), "utf8")).toContain(zod.trim());
  });

  test("is found whole by publint and by Are the types wrong", async () => {
    const publint = await consumer.run("publint", "run", consumer.tarball, "--strict");
    expect(publint).toMatchObject({ exitCode: 0 });
    const attw = (profile: string) => consumer.run("attw", consumer.tarball, "--profile", profile, "--format", "ascii");
    expect(await attw("esm-only")).toMatchObject({ exitCode: 0, output: expect.stringContaining("(ESM)") });
    // The control: it has no CommonJS, which the strict profile finds.
    expect(await attw("strict")).toMatchObject({ exitCode: 1 });
  });

  test("does all that it offers with the real server", async () => {
    const server = await startTestServer();
    onTestFinished(server.stop);
    await cp(new URL("live-program.mjs", import.meta.url), join(consumer.dir, "program.mjs"));
    const token = server.workspace.admin.headers["authorization"]?.replace("Bearer ", "") ?? "";
    const { exitCode, output } = await consumer.run("node", "program.mjs", server.url, server.workspace.id, server.apiKey, token);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(output)).toEqual({
      seen: "healthy",
      stale: "CONFLICT",
      names: ["B", "C", "D", "Scout"],
      gone: "NOT_FOUND",
      elsewhere: "NOT_FOUND",
      nobody: "UNAUTHORIZED",
      invalid: ["temperature"],
      isSame: true,
      dates: true,
      updated: "Finds things",
      page: [1, "string", true],
      restored: true,
      metadata: { nested: { deep: [1, null] } },
      isolation: ["healthy", true, 4],
    });
  });
});
