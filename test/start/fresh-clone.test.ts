import { execFileSync } from "node:child_process";
import { chmod, chown, cp, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { isRoot, makeDirectory, processesIn } from "../db/embedded-fixture.ts";
import { createByPaste, listedNames } from "./pasted-command.ts";
import { startProcess } from "./server-process.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const NOBODY = { uid: 65_534, gid: 65_534 };

/** The project as npm ci leaves it, in a directory of its own; its packages are hard links where the disk allows. */
async function cloneProject(): Promise<{ project: string; node: string }> {
  const project = await makeDirectory();
  for (const part of ["server", "prisma", "client-sdk/src", "package.json"]) {
    await cp(join(PROJECT, part), join(project, part), { recursive: true });
  }
  const modules = join(PROJECT, "node_modules");
  try {
    execFileSync("cp", ["-al", modules, project], { stdio: "ignore" });
  } catch {
    execFileSync("cp", ["-a", modules, project]);
  }
  const place = relative(PROJECT, process.execPath);
  return { project, node: place.startsWith("..") ? process.execPath : join(project, place) };
}

describe.skipIf(!isRoot)("a fresh clone (needs root to test)", { timeout: 90_000 }, () => {
  test("serves for root in a directory that only root may enter, with its data in .data", async () => {
    const { project, node } = await cloneProject();
    expect((await stat(project)).mode & 0o777).toBe(0o700);
    const server = await startProcess({}, { project, node });
    await createByPaste(server, "Made by root");
    expect(await listedNames(server)).toContain("Made by root");
    const servers = processesIn(join(project, ".data")).filter(({ program }) => program === "postgres");
    expect(servers.length).toBeGreaterThan(0);
    expect(servers.filter(({ uid }) => uid === 0)).toEqual([]);
    expect(await server.end("SIGINT")).toMatchObject({ code: 0 });
    await expect.poll(() => processesIn(project)).toEqual([]);
  });

  test("serves for an ordinary user", async () => {
    const { project, node } = await cloneProject();
    await chmod(project, 0o755);
    await chown(project, NOBODY.uid, NOBODY.gid);
    const server = await startProcess({}, { project, node, account: NOBODY });
    await createByPaste(server, "Made by nobody");
    expect(await listedNames(server)).toContain("Made by nobody");
    expect(new Set(processesIn(project).map(({ uid }) => uid))).toEqual(new Set([NOBODY.uid]));
    expect((await stat(join(project, ".data"))).uid).toBe(NOBODY.uid);
    expect(await server.end("SIGTERM")).toMatchObject({ code: 0 });
    await expect.poll(() => processesIn(project)).toEqual([]);
  });
});
