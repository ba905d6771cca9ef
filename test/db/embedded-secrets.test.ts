import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadOrCreateSecrets } from "../../server/db/embedded-secrets.ts";
import { makeDirectory } from "./embedded-fixture.ts";

test("the secrets are random, differ, and are the same for all who ask at once and later", async () => {
  const dataDir = join(await makeDirectory(), "new");
  const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => loadOrCreateSecrets(dataDir)));
  for (const other of [...others, await loadOrCreateSecrets(dataDir)]) expect(other).toEqual(first);
  expect(new Set(Object.values(first ?? {})).size).toBe(8);
  expect(first?.demoApiKey).toMatch(/^sk-sim-[A-Za-z0-9_-]{32}$/);
  expect(first?.demoSessionToken).toMatch(/^[A-Za-z0-9_-]{32}$/);
  expect(await loadOrCreateSecrets(join(await makeDirectory(), "new"))).not.toEqual(first);
});

test("only their owner can read them, and nothing is left of the writing", async () => {
  const dataDir = await makeDirectory();
  await loadOrCreateSecrets(dataDir);
  expect((await stat(join(dataDir, "secrets.json"))).mode & 0o777).toBe(0o600);
  expect(await readdir(dataDir)).toEqual(["secrets.json"]);
});

test("a damaged file is refused, not replaced, and its contents are in no message", async () => {
  const dataDir = await makeDirectory();
  const file = join(dataDir, "secrets.json");
  await writeFile(file, '{"betterAuthSecret":"short"}');
  await expect(loadOrCreateSecrets(dataDir)).rejects.toThrow(/is damaged \(betterAuthSecret, isolationSecret/);
  await expect(loadOrCreateSecrets(dataDir)).rejects.not.toThrow(/short/);
  expect(await readFile(file, "utf8")).toBe('{"betterAuthSecret":"short"}');
});
