import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

const ENTRY = fileURLToPath(new URL("../../../client-sdk/src/webhooks/index.ts", import.meta.url));
const MAX_BYTES = 1_024;

/** What a page or an edge function loads that imports these names alone. */
async function bundle(names: string, module = ENTRY): Promise<string> {
  const virtual = "virtual:entry";
  const output = await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, minify: true, target: "es2022", rollupOptions: { input: virtual, preserveEntrySignatures: "strict" } },
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === virtual ? id : null),
        load: (id) => (id === virtual ? `export { ${names} } from ${JSON.stringify(module)};` : null),
      },
    ],
  });
  const [{ output: files }] = [output].flat() as { output: { code?: string }[] }[] as [{ output: { code?: string }[] }];
  return files.map(({ code = "" }) => code).join("\n");
}

const gzipped = (code: string) => gzipSync(code, { level: 9 }).length;

test(`verifying costs at most ${MAX_BYTES} bytes, gzipped, and needs nothing of a platform but Web Crypto`, async () => {
  const code = await bundle("verify");
  expect(code).toContain("crypto.subtle");
  expect(code).not.toMatch(/\bimport\b|\brequire\b|\bBuffer\b|node:/);
  expect(gzipped(code)).toBeLessThanOrEqual(MAX_BYTES);
  // The control: a package that brings its own SHA-256 along is beyond it.
  expect(gzipped(await bundle("Webhook", fileURLToPath(import.meta.resolve("standardwebhooks"))))).toBeGreaterThan(MAX_BYTES);
});
