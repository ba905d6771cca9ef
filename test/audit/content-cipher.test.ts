import { expect, test } from "vitest";
import { decryptContent, encryptContent } from "../../server/audit/content-cipher.ts";
import { deriveBoundaryKeys } from "../../server/isolation/boundary.ts";

const SECRET = "root secret one 0123456789 0123456789";
const NEWER = "root secret two 0123456789 0123456789";
const SALT = Buffer.alloc(32, 1);
const keys = deriveBoundaryKeys([SECRET], SALT).audit;
const place = { workspaceId: "w1", eventId: "01890000-0000-7000-8000-000000000001", field: "before" } as const;
const content = { name: "Scout", tags: ["a"], description: null };

test("content is read again under the workspace's key, and a second ciphertext of it is another one", () => {
  const stored = encryptContent(keys, place, content);
  expect(decryptContent(keys, place, stored)).toEqual(content);
  expect(encryptContent(keys, place, content).equals(stored)).toBe(false);
  expect(stored.toString("latin1")).not.toContain("Scout");
});

test("a rotated key still reads what it wrote, and one that is gone reads nothing", () => {
  const stored = encryptContent(keys, place, content);
  expect(decryptContent(deriveBoundaryKeys([NEWER, SECRET], SALT).audit, place, stored)).toEqual(content);
  expect(decryptContent(deriveBoundaryKeys([NEWER], SALT).audit, place, stored)).toBeUndefined();
});

test("without the workspace's salt nothing is read", () => {
  const stored = encryptContent(keys, place, content);
  expect(decryptContent(deriveBoundaryKeys([SECRET], Buffer.alloc(32, 2)).audit, place, stored)).toBeUndefined();
});

test("the keys of the boundaries are others", () => {
  const stored = encryptContent(keys, place, content);
  expect(decryptContent(deriveBoundaryKeys([SECRET], SALT), place, stored)).toBeUndefined();
});

test.each([
  ["another workspace", { workspaceId: "w2" }],
  ["another event", { eventId: "01890000-0000-7000-8000-000000000002" }],
  ["the other field", { field: "after" as const }],
])("a ciphertext moved to %s is not read", (_, moved) => {
  expect(decryptContent(keys, { ...place, ...moved }, encryptContent(keys, place, content))).toBeUndefined();
});

test("no byte of it can be changed, and no part of it is enough", () => {
  const stored = encryptContent(keys, place, content);
  for (let index = 0; index < stored.length; index++) {
    const changed = Buffer.from(stored);
    changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
    expect(decryptContent(keys, place, changed), `byte ${index}`).toBeUndefined();
    expect(decryptContent(keys, place, stored.subarray(0, index)), `${index} bytes`).toBeUndefined();
  }
});
