import { createHmac, createSecretKey, hkdfSync } from "node:crypto";
import { expect, test } from "vitest";
import { deriveBoundaryKeys, signBoundary, verifyBoundary } from "../../server/isolation/boundary.ts";

const SECRET = "root secret one 0123456789 0123456789";
const SALT = Buffer.alloc(32, 1);
const subject = {
  kind: "agent",
  workspaceId: "w",
  id: "01890000-0000-7000-8000-000000000000",
  createdAt: new Date(1_700_000_000_000),
} as const;
const keys = deriveBoundaryKeys([SECRET], SALT);

test("the boundary is the HMAC-SHA256 of the length-prefixed identity under the key that HKDF derives", () => {
  const key = Buffer.from(hkdfSync("sha256", SECRET, SALT, "parlant boundary", 32));
  const parts = ["1", "agent", "w", subject.id, "1700000000000"].map((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    return Buffer.concat([length, Buffer.from(part)]);
  });
  expect(signBoundary(keys, subject).boundary).toBe(createHmac("sha256", key).update(Buffer.concat(parts)).digest("hex"));
});

test("the audit trail's content has a key of its own, derived in the same way", () => {
  const key = createSecretKey(Buffer.from(hkdfSync("sha256", SECRET, SALT, "parlant audit", 32)));
  expect(keys.audit.current.key.equals(key)).toBe(true);
  expect(keys.current.key.equals(key)).toBe(false);
});

test("it holds for this row in this workspace, and for nothing else", () => {
  const stored = signBoundary(keys, subject);
  expect(verifyBoundary(keys, subject, stored)).toBe(true);
  for (const other of [
    { ...subject, kind: "session" as const },
    { ...subject, workspaceId: "w2" },
    { ...subject, id: "01890000-0000-7000-8000-000000000001" },
    { ...subject, createdAt: new Date(1_700_000_000_001) },
    { ...subject, workspaceId: "w\0", id: subject.id.slice(1) },
  ]) {
    expect(verifyBoundary(keys, other, stored)).toBe(false);
  }
  expect(verifyBoundary(deriveBoundaryKeys([SECRET], Buffer.alloc(32, 2)), subject, stored)).toBe(false);
  // The same again once it is known to be good, and no less refused for another.
  expect(verifyBoundary(keys, { ...subject }, stored)).toBe(true);
  expect(verifyBoundary(keys, { ...subject, workspaceId: "w2" }, stored)).toBe(false);
  // A refusal is not remembered as anything: the same question again has the same answer.
  expect(verifyBoundary(keys, { ...subject, workspaceId: "w2" }, stored)).toBe(false);
  expect(verifyBoundary(keys, subject, { ...stored, boundary: `${stored.boundary}00` })).toBe(false);
  expect(verifyBoundary(keys, subject, { ...stored, boundary: "" })).toBe(false);
  expect(verifyBoundary(keys, subject, { ...stored, boundary: "zz" })).toBe(false);
});

test("a new root secret signs from now on, and the older one verifies for as long as it is configured", () => {
  const old = signBoundary(keys, subject);
  const rotated = deriveBoundaryKeys(["root secret two 0123456789 0123456789", SECRET], SALT);
  expect(signBoundary(rotated, subject).boundaryKeyVersion).not.toBe(old.boundaryKeyVersion);
  expect(verifyBoundary(rotated, subject, old)).toBe(true);
  expect(verifyBoundary(deriveBoundaryKeys(["root secret two 0123456789 0123456789"], SALT), subject, old)).toBe(false);
});
