import fc from "fast-check";
import { expect, test } from "vitest";
import type { Principal } from "../../server/auth/principal.ts";
import {
  ACCESS_LEVELS,
  agentLevel,
  decideLevel,
  effectivePermission,
  type LevelGrant,
  levelRule,
  levelSatisfies,
  permissionSatisfies,
  WORKSPACE_PERMISSIONS,
} from "../../server/permissions/levels.ts";
import { levelRuleOf } from "../../server/permissions/workspace-context.ts";
import { type LevelCase, naiveLevel, naivePermission } from "./naive-level.ts";

const CASES = process.env["ISOLATION_FUZZ"] === "long" ? 1_000_000 : 20_000;
const NOW = Date.UTC(2026, 0, 1);
const PRINCIPALS: Principal[] = [
  { kind: "session", userId: "me", sessionId: "s" },
  { kind: "personal_api_key", userId: "me", keyId: "key" },
  { kind: "workspace_api_key", keyId: "key", workspaceId: "w" },
  { kind: "internal", userId: "me" },
];
const EXPIRIES = [null, -1, 0, 1].map((offset) => (offset === null ? null : new Date(NOW + offset)));
const GRANTS: (LevelGrant | null)[] = [
  null,
  ...ACCESS_LEVELS.flatMap((level) => EXPIRIES.map((expiresAt) => ({ level, expiresAt }))),
];

const actual = ({ principal, permission, agent, grant, nowMs }: LevelCase) =>
  agentLevel(levelRuleOf({ principal, permission }), agent, grant, nowMs);

function everyCase(): LevelCase[] {
  return PRINCIPALS.flatMap((principal) =>
    WORKSPACE_PERMISSIONS.flatMap((permission) =>
      (["workspace", "restricted"] as const).flatMap((visibility) =>
        ["me", "other", null].flatMap((createdBy) =>
          ["key", "other", null].flatMap((createdByKeyId) =>
            GRANTS.map((grant) => ({
              principal,
              permission,
              agent: { visibility, createdBy, createdByKeyId },
              grant,
              nowMs: NOW,
            })),
          ),
        ),
      ),
    ),
  );
}

test("the whole table is as the reference reads it", () => {
  const cases = everyCase();
  expect(cases).toHaveLength(4 * 3 * 2 * 3 * 3 * 21);
  for (const one of cases) expect([one, actual(one)]).toEqual([one, naiveLevel(one)]);
});

test("so are random cases, with ids that look alike and times around the expiry", { timeout: 120_000 }, () => {
  const id = fc.constantFrom("me", "Me", "me\0", "me\u200d", "m", "key", "");
  const oneCase: fc.Arbitrary<LevelCase> = fc.record({
    principal: fc.oneof(
      fc.record({ kind: fc.constantFrom("session" as const), userId: id, sessionId: id }),
      fc.record({ kind: fc.constantFrom("personal_api_key" as const), userId: id, keyId: id }),
      fc.record({ kind: fc.constantFrom("workspace_api_key" as const), keyId: id, workspaceId: id }),
      fc.record({ kind: fc.constantFrom("internal" as const), userId: id }),
    ),
    permission: fc.constantFrom(...WORKSPACE_PERMISSIONS),
    agent: fc.record({
      visibility: fc.constantFrom("workspace" as const, "restricted" as const),
      createdBy: fc.option(id),
      createdByKeyId: fc.option(id),
    }),
    grant: fc.option(
      fc.record({
        level: fc.constantFrom(...ACCESS_LEVELS),
        expiresAt: fc.option(fc.integer({ min: -3, max: 3 }).map((offset) => new Date(NOW + offset))),
      }),
    ),
    nowMs: fc.integer({ min: -3, max: 3 }).map((offset) => NOW + offset),
  });
  fc.assert(
    fc.property(oneCase, (one) => actual(one) === naiveLevel(one)),
    { numRuns: CASES },
  );
});

test("control: a rule that forgets the cap of a read user is told apart from the reference", () => {
  const uncapped = ({ principal, permission, agent, grant, nowMs }: LevelCase) =>
    agentLevel({ ...levelRuleOf({ principal, permission }), grantCap: "manage" }, agent, grant, nowMs);
  expect(everyCase().some((one) => uncapped(one) !== naiveLevel(one))).toBe(true);
});

test("a grant ends at the very millisecond of its expiry", () => {
  const rule = levelRule({ permission: "read", userId: "me", keyId: null });
  const agent = { visibility: "restricted", createdBy: null, createdByKeyId: null } as const;
  const at = (nowMs: number) => agentLevel(rule, agent, { level: "interact", expiresAt: new Date(NOW) }, nowMs);
  expect([at(NOW - 1), at(NOW), at(NOW + 1)]).toEqual(["interact", "none", "none"]);
});

test("a grant does not take from its creator what it made, unless the creator lost write", () => {
  const agent = { visibility: "workspace", createdBy: "me", createdByKeyId: null } as const;
  const decide = (permission: "read" | "write") =>
    decideLevel(levelRule({ permission, userId: "me", keyId: null }), agent, { level: "none", expiresAt: null }, NOW);
  expect(decide("write")).toEqual({ level: "manage", reason: "creator" });
  expect(decide("read")).toEqual({ level: "none", reason: "grant" });
});

test("a workspace key is never more than a writer, whatever it is handed", () => {
  const rule = levelRule({ permission: "admin", userId: null, keyId: "key" });
  expect(rule).toEqual(levelRule({ permission: "write", userId: null, keyId: "key" }));
  expect(rule).toMatchObject({ managesAll: false, grantee: null });
});

test("the permission is the higher of the own row and the organization's role, and none is below all", () => {
  const roles = ["owner", "admin", "member", "Owner", "", null];
  for (const own of [...WORKSPACE_PERMISSIONS, null]) {
    for (const organizationRole of roles) {
      const expected = naivePermission(own, organizationRole);
      expect([own, organizationRole, effectivePermission({ own, organizationRole })]).toEqual([own, organizationRole, expected]);
    }
  }
});

test("permissions and levels are total orders; nothing reaches anything without one", () => {
  for (const [rank, actual] of WORKSPACE_PERMISSIONS.entries())
    for (const [needed, required] of WORKSPACE_PERMISSIONS.entries())
      expect(permissionSatisfies(actual, required)).toBe(rank >= needed);
  for (const [rank, actual] of ACCESS_LEVELS.entries())
    for (const [needed, required] of ACCESS_LEVELS.entries()) expect(levelSatisfies(actual, required)).toBe(rank >= needed);
  for (const required of WORKSPACE_PERMISSIONS) expect(permissionSatisfies(null, required)).toBe(false);
});
