import { expect, test } from "vitest";
import { REDACTED, redact } from "../../server/audit/redact.ts";

test("users' own texts and secrets by name are hidden at any depth, and absent ones are told to be absent", () => {
  const row = {
    name: "Scout",
    systemPrompt: "be kind",
    metadata: { a: 1 },
    apiKey: "x",
    nested: [{ accessToken: "x", password: "x", client_secret: "x", data: { text: "hello" } }],
  };
  expect(redact(row)).toEqual({
    name: "Scout",
    systemPrompt: REDACTED,
    metadata: REDACTED,
    apiKey: REDACTED,
    nested: [{ accessToken: REDACTED, password: REDACTED, client_secret: REDACTED, data: REDACTED }],
  });
  expect(redact({ systemPrompt: null, description: undefined })).toEqual({ systemPrompt: null });
});

test("ids of keys and counts of tokens are no secrets", () => {
  const row = { createdByKeyId: "k1", maxTokens: 2_000, nameKey: "scout", boundaryKeyVersion: 7 };
  expect(redact(row)).toEqual(row);
});

test.each([
  ["an API key", "use sk-sim-AbCdEf0123456789 here", "sk-sim-"],
  ["an older API key", "sim_AbCdEf0123456789", "sim_A"],
  ["an access token", "pat_AbCdEf0123456789", "pat_"],
  ["a webhook secret", "whsec_AbCdEf0123456789", "whsec_"],
  ["a bearer token", "Authorization: Bearer abc.def", "abc.def"],
  ["a JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJ"],
  ["a password in a URL", "see postgresql://app:hunter2@db:5432/sim", "hunter2"],
])("%s is hidden wherever it stands", (_, text, secret) => {
  expect(JSON.stringify(redact({ description: text, tags: [text] }))).not.toContain(secret);
});

test("what is left is JSON: dates as text, no bytes, no depth without end, no text without end", () => {
  const circle: { self?: object; at: Date } = { at: new Date(0) };
  circle.self = circle;
  const kept = redact({ circle, bytes: new Uint8Array(3), long: "x".repeat(5_000), far: Number.POSITIVE_INFINITY });
  expect(JSON.parse(JSON.stringify(kept))).toEqual(kept);
  expect(JSON.stringify(kept).length).toBeLessThan(3_000);
  expect(kept).toMatchObject({ circle: { at: "1970-01-01T00:00:00.000Z" }, bytes: REDACTED, far: REDACTED });
});
