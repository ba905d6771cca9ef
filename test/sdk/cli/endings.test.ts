import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { type Consumer, installConsumer } from "../consumer.ts";
import { programOf } from "./program.ts";

let server: TestServer;
let consumer: Consumer;

beforeAll(async () => {
  [server, consumer] = await Promise.all([startTestServer(), installConsumer()]);
}, 180_000);
afterAll(async () => {
  await consumer?.remove();
  await server?.stop();
});

const { cli, client, start } = programOf(
  () => consumer,
  () => server,
);

test("Ctrl-C ends what waits for standard input too", async () => {
  const child = start(["agents", "create", "--name", "A", "--data", "-"]);
  // It is read in pieces of this size: what fits into the pipe beyond one was read once there is room again.
  for (let written = 0; written < 10; written++) {
    await new Promise((resolve) => child.stdin?.write(" ".repeat(65_536), resolve));
  }
  child.kill("SIGINT");
  expect(await child.ended).toEqual({ code: 130, out: "", err: "" });
});

test("Ctrl-C ends the check of a file, however long the file is", async () => {
  const { publicKey } = await client().audit.verify();
  const path = join(consumer.dir, "endless");
  await promisify(execFile)("mkfifo", [path]);
  const child = start(["audit", "verify", path, "--key", publicKey]);
  let isRunning = true;
  void child.ended.then(() => {
    isRunning = false;
  });
  const file = await open(path, "w");
  const lines = "{}\n".repeat(10_000);
  for (let written = 0; written < 20; written++) await file.writeFile(lines);
  child.kill("SIGINT");
  for (let written = 0; isRunning && written < 1_000; written++) await file.writeFile(lines).catch(() => child.ended);
  child.kill("SIGKILL");
  await file.close();
  expect(await child.ended).toEqual({ code: 130, out: "", err: "" });
});

test("what a command came to is its exit code, though nobody reads what it says any more", async () => {
  const { publicKey } = await client().audit.verify();
  await writeFile(join(consumer.dir, "no-export"), "nonsense\n");
  const check = ["audit", "verify", "no-export", "--key", publicKey];
  // The control: that is what it comes to.
  expect(await cli(check)).toMatchObject({ code: 1, out: expect.stringContaining("NOT VALID") });
  const unread = start(check);
  unread.stdout?.destroy();
  expect((await unread.ended).code).toBe(1);
  const untold = start(["agents", "get", randomUUID()]);
  untold.stderr?.destroy();
  expect((await untold.ended).code).toBe(3);
});

describe("what goes wrong", () => {
  test.each([
    ["a command that is none", ["agnets"], {}, 2],
    ["half a command", ["agents"], {}, 2],
    ["an argument too few", ["agents", "get"], {}, 2],
    ["an argument too many", ["agents", "list", "x"], {}, 2],
    ["a value that is none of the known ones", ["agents", "list", "--status", "gone"], {}, 2],
    ["no credential", ["agents", "list"], { SIM_API_KEY: "" }, 2],
    ["no workspace", ["agents", "list"], { SIM_WORKSPACE_ID: "" }, 2],
    ["an address that is none", ["agents", "list", "--url", "nowhere"], {}, 2],
    ["data that is no JSON", ["agents", "create", "--name", "A", "--data", "-"], {}, 2],
    ["an input that the server refuses", ["agents", "create", "--name", "A", "--temperature", "9"], {}, 1],
    ["a credential that is none", ["agents", "list"], { SIM_API_KEY: "sk-sim-unknown" }, 3],
    ["a workspace that is not the caller's", ["agents", "list", "-w", "another"], {}, 3],
    ["a server that is not there", ["agents", "list", "--url", "http://127.0.0.1:1", "--timeout", "1"], {}, 4],
  ])("%s is told on standard error, and by the exit code", async (_, args, environment, code) => {
    const ended = await cli(args, environment as Record<string, string>, "{");
    expect(ended).toMatchObject({ code, out: "" });
    expect(ended.err).toMatch(/^parlant-client: \S/);
    expect(ended.err).not.toMatch(/\n\s+at |sk-sim-/);
  });

  test("is JSON where that is asked for", async () => {
    const ended = await cli(["agents", "create", "--name", "A", "--temperature", "9", "--json"]);
    expect(JSON.parse(ended.err)).toMatchObject({
      error: { code: "BAD_REQUEST", requestId: expect.any(String), details: { issues: [{ path: ["temperature"] }] } },
    });
  });

  test("a secret is no argument, and one that is given as such is not repeated", async () => {
    for (const flag of ["--api-key", "--token", "--secret"]) {
      const ended = await cli(["whoami", `${flag}=sk-sim-secret`]);
      expect(ended).toEqual({ code: 2, out: "", err: `parlant-client: Unknown option '${flag}'\n` });
    }
  });
});
