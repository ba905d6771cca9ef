import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { makeDirectory } from "../db/embedded-fixture.ts";
import { createByPaste, listedNames } from "./pasted-command.ts";
import { startProcess } from "./server-process.ts";

const PRELOAD = new URL("record-outgoing.mjs", import.meta.url).href;

/** Every Node process started with these records what it would send beyond this machine, and is told to report its use. */
async function recording(): Promise<{ variables: Record<string, string>; record(): Promise<string> }> {
  const file = join(await makeDirectory(), "outgoing");
  await writeFile(file, "");
  const variables = {
    NODE_OPTIONS: `--import=${PRELOAD}`,
    OUTGOING_RECORD: file,
    NODE_ENV: "production",
    BETTER_AUTH_TELEMETRY: "1",
  };
  return { variables, record: () => readFile(file, "utf8") };
}

test("a start on an empty directory, requests and a stop connect to nothing beyond this machine", {
  timeout: 60_000,
}, async () => {
  const { variables, record } = await recording();
  const server = await startProcess({ ...variables, PARLANT_DATA_DIR: await makeDirectory() });
  await createByPaste(server, "Quiet");
  expect(await listedNames(server)).toContain("Quiet");
  expect((await fetch(`${server.url}/docs`)).status).toBe(200);
  await server.end("SIGTERM");
  expect(await record()).toBe("");
});

test.each([
  ["fetch by address", 'await fetch("http://192.0.2.1/").catch(() => {})', "192.0.2.1:80"],
  ["fetch by name", 'await fetch("https://example.invalid/").catch(() => {})', "example.invalid"],
  ["a TLS connection", 'require("node:tls").connect(443, "192.0.2.1").on("error", () => {})', "192.0.2.1:443"],
  ["a look-up", 'require("node:dns").lookup("example.invalid", () => {})', "lookup of example.invalid"],
])("control: %s is recorded", async (_, script, expected) => {
  const { variables, record } = await recording();
  const body = `import { createRequire } from "node:module"; const require = createRequire("/"); ${script};`;
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", body], { env: variables });
  expect(await record()).toContain(expected);
});
