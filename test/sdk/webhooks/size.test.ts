import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bundle, gzipped, sourceOf } from "../bundle.ts";

const ENTRY = sourceOf("webhooks/index.ts");
const MAX_BYTES = 1_024;

test(`verifying costs at most ${MAX_BYTES} bytes, gzipped, and needs nothing of a platform but Web Crypto`, async () => {
  const code = await bundle("verify", ENTRY);
  expect(code).toContain("crypto.subtle");
  expect(code).not.toMatch(/\bimport\b|\brequire\b|\bBuffer\b|node:/);
  expect(gzipped(code)).toBeLessThanOrEqual(MAX_BYTES);
  // The control: a package that brings its own SHA-256 along is beyond it.
  expect(gzipped(await bundle("Webhook", fileURLToPath(import.meta.resolve("standardwebhooks"))))).toBeGreaterThan(MAX_BYTES);
});
