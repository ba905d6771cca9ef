import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, extname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { makeDirectory, processesIn } from "../db/embedded-fixture.ts";
import { createByPaste, curlLine, listedNames } from "./pasted-command.ts";
import { startProcess } from "./server-process.ts";

const DEMO_AGENTS = ["Analyst", "Onboarding", "Support"];
/** The connections are closed before the database is. */
const CLEAN_END = { code: 0, signal: null, output: expect.not.stringMatching(/connection lost|terminating connection/) };

describe("a server with nothing configured", { timeout: 60_000 }, () => {
  test("prints a command that works as pasted, ends cleanly by Ctrl-C and by SIGTERM, and starts again on the same data", async () => {
    const dataDir = await makeDirectory();
    const variables = { PARLANT_DATA_DIR: dataDir };
    const first = await startProcess(variables);
    expect(await listedNames(first)).toEqual(DEMO_AGENTS);
    await createByPaste(first, "Kept");
    expect(processesIn(dataDir).map(({ program }) => program)).toContain("postgres");
    expect(await first.end("SIGINT")).toMatchObject(CLEAN_END);
    await expect.poll(() => processesIn(dataDir)).toEqual([]);

    const second = await startProcess(variables);
    expect(await listedNames(second)).toEqual([...DEMO_AGENTS, "Kept"].sort());
    const withoutAddress = async (server: typeof first) => (await curlLine(server)).replace(server.url, "");
    expect(await withoutAddress(second)).toBe(await withoutAddress(first));
    expect(await second.end("SIGTERM")).toMatchObject(CLEAN_END);
    await expect.poll(() => processesIn(dataDir)).toEqual([]);
    expect((await readdir(dataDir)).sort()).toEqual(["audit-spool", "postgres", "postgres-password", "secrets.json"]);
    // What was spooled has been written: left of it is what was signed of the logs, which has to outlive the server.
    const spooled = await readdir(join(dataDir, "audit-spool"), { recursive: true, withFileTypes: true });
    const files = spooled.filter((entry) => entry.isFile());
    expect(files.map(({ parentPath, name }) => [basename(parentPath), extname(name)])).toEqual([["signed", ".signed"]]);
  });

  test("starts again after kill -9, with what was made before it", async () => {
    const dataDir = await makeDirectory();
    const killed = await startProcess({ PARLANT_DATA_DIR: dataDir });
    await createByPaste(killed, "Survivor");
    expect(await killed.end("SIGKILL")).toMatchObject({ signal: "SIGKILL" });
    const next = await startProcess({ PARLANT_DATA_DIR: dataDir });
    expect(await listedNames(next)).toContain("Survivor");
    expect(await next.end("SIGINT")).toMatchObject(CLEAN_END);
    await expect.poll(() => processesIn(dataDir)).toEqual([]);
  });

  test("leaves alone a server that has its data directory already, and says which process that is", async () => {
    const dataDir = await makeDirectory();
    const holder = await startProcess({ PARLANT_DATA_DIR: dataDir });
    await expect(startProcess({ PARLANT_DATA_DIR: dataDir })).rejects.toMatchObject({
      code: 1,
      message: expect.stringMatching(new RegExp(`^The data directory ${dataDir} is in use by process ${holder.pid}:.*$`)),
    });
    expect(await listedNames(holder)).toEqual(DEMO_AGENTS);
    await holder.end("SIGTERM");
  });

  test("says that its port is taken, and leaves no database behind", async () => {
    const dataDir = await makeDirectory();
    const taker = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void taker.close());
    await once(taker, "listening");
    const address = taker.address();
    const port = typeof address === "object" ? String(address?.port) : "";
    await expect(startProcess({ PARLANT_DATA_DIR: dataDir, PORT: port })).rejects.toMatchObject({
      code: 1,
      message: `Port ${port} on 127.0.0.1 is in use: stop what uses it, or name another one in PORT`,
    });
    await expect.poll(() => processesIn(dataDir)).toEqual([]);
  });
});
