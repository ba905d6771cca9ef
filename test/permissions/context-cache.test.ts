import { describe, expect, test } from "vitest";
import type { Attempt } from "../../server/audit/refusals.ts";
import type { Principal } from "../../server/auth/principal.ts";
import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";
import { createAccessResolver, type ResolveAccess } from "../../server/permissions/access.ts";
import { type Access, ContextCache, type ContextCacheOptions } from "../../server/permissions/context-cache.ts";
import type { Operation } from "../../server/permissions/levels.ts";
import type { Proven } from "../../server/permissions/principal-map.ts";
import type { RequestContext } from "../../server/trpc/context.ts";
import { type Entry, enterWorkspace } from "../../server/trpc/enter-workspace.ts";

const session = (userId: string, sessionId = `session of ${userId}`, proof = "proof"): Proven => ({
  principal: { kind: "session", userId, sessionId },
  proof,
});
const access = (workspaceId: string, permission: Access["permission"] = "read"): Access => ({
  workspaceId,
  permission,
  db: {} as WorkspaceDb,
  decidedAtMs: 0,
});

/** Lets a user into the workspace for an operation, as a call of it does. */
function enter(resolveAccess: ResolveAccess, operation: Operation): Promise<Entry> {
  const services = {
    findCaller: async () => ({ ...session("u"), source: "bearer" }),
    resolveAccess,
    audit: { signals: { assertNotSlowed() {} } },
  };
  const ctx = { services, annotate() {} } as unknown as RequestContext;
  return enterWorkspace(ctx, { operation, procedure: "test" }, {} as Attempt, { workspaceId: "w" });
}

function cacheAt(options: Partial<ContextCacheOptions> = {}) {
  const clock = { ms: 0 };
  return { clock, cache: new ContextCache({ ttlMs: 1_000, random: () => 0, monotonicMs: () => clock.ms, ...options }) };
}

/** The permission rule as a function, in the place of Sim's tables: how often it was asked, and when it answers. */
function simOf(answer: (values: unknown[]) => string | null | Promise<string | null>) {
  const sim = { statements: 0 };
  return Object.assign(sim, {
    async query<Row extends object>({ values }: { values: unknown[] }): Promise<Row[]> {
      sim.statements += 1;
      const permission = await answer(values);
      return [{ credential_valid: true, workspace_live: true, key_allowed: true, permission }] as unknown as Row[];
    },
  });
}

function resolverOver(sim: ReturnType<typeof simOf>, contexts = cacheAt().cache) {
  const openWorkspace = () => ({}) as WorkspaceDb;
  return { contexts, ...createAccessResolver({ sim, features: CURRENT_SIM, contexts, openWorkspace, nowMs: () => 0 }) };
}

describe("what is remembered for one is never found for another", () => {
  const ALIKE = ["a", "A", "a\0", "a:", "a$$b", "a\u200d", "\u00e1", "a\u0301", "", " a", "a ", "__proto__", "constructor"];

  test("ids that look alike, hold separators or are names of JavaScript's own are as many keys", () => {
    const { cache } = cacheAt();
    for (const workspaceId of ALIKE)
      for (const id of ALIKE) cache.keep(session(id, id), { ...access(workspaceId), decidedAtMs: ALIKE.indexOf(id) });
    expect(cache.size).toBe(ALIKE.length ** 2);
    for (const workspaceId of ALIKE)
      for (const id of ALIKE) {
        const found = cache.find(session(id, id), workspaceId);
        expect([workspaceId, found?.workspaceId, found?.decidedAtMs]).toEqual([workspaceId, workspaceId, ALIKE.indexOf(id)]);
      }
    expect(cache.strangers).toBe(0);
  });

  test("whatever else decides is in the key or checked on the hit: kind, user, credential", () => {
    const { cache } = cacheAt();
    cache.keep(session("u", "id", "proof"), access("w", "admin"));
    const others: Proven[] = [
      session("u", "other", "proof"),
      { principal: { kind: "personal_api_key", userId: "u", keyId: "id" }, proof: "proof" },
      { principal: { kind: "workspace_api_key", workspaceId: "w", keyId: "id" }, proof: "proof" },
      { principal: { kind: "internal", userId: "id" }, proof: "proof" },
    ];
    for (const other of others) expect(cache.find(other, "w")).toBeUndefined();
    expect(cache.find(session("u", "id", "proof"), "w")).toBeDefined();
    expect(cache.find(session("u", "id", "another proof"), "w")).toBeUndefined();
    expect(cache.strangers).toBe(0);
  });

  test("an entry that is found in another's place is counted, dropped and not used", () => {
    const { cache } = cacheAt();
    cache.keep(session("u", "id"), access("w"));
    expect(cache.find(session("someone else", "id"), "w")).toBeUndefined();
    expect([cache.strangers, cache.size]).toEqual([1, 0]);
  });
});

describe("time and room", () => {
  test("an entry ends with its time, which is up to a fifth less than the setting", () => {
    for (const [random, endsAt] of [
      [0, 1_000],
      [0.5, 900],
      [1, 800],
    ] as const) {
      const { cache, clock } = cacheAt({ random: () => random });
      cache.keep(session("u"), access("w"));
      clock.ms = endsAt - 1;
      expect(cache.find(session("u"), "w")).toBeDefined();
      clock.ms = endsAt;
      expect(cache.find(session("u"), "w")).toBeUndefined();
      expect(cache.size).toBe(0);
    }
  });

  test("with a time of 0 nothing is remembered", () => {
    const { cache } = cacheAt({ ttlMs: 0 });
    cache.keep(session("u"), access("w"));
    expect([cache.size, cache.find(session("u"), "w")]).toEqual([0, undefined]);
  });

  test("a workspace with many people drives out its own, and no other's", () => {
    const { cache } = cacheAt({ maxEntries: 100, maxEntriesPerWorkspace: 10 });
    cache.keep(session("quiet"), access("quiet"));
    for (let index = 0; index < 1_000; index++) cache.keep(session(`user ${index}`), access("crowded"));
    expect(cache.size).toBe(11);
    expect(cache.find(session("quiet"), "quiet")).toBeDefined();
    expect(cache.find(session("user 999"), "crowded")).toBeDefined();
    expect(cache.find(session("user 0"), "crowded")).toBeUndefined();
  });

  test("over all workspaces there are never more than the bound, and the count stays true", () => {
    const { cache } = cacheAt({ maxEntries: 50, maxEntriesPerWorkspace: 10 });
    for (let index = 0; index < 2_000; index++) {
      cache.keep(session(`user ${index % 7}`), access(`workspace ${index % 97}`));
      if (index % 3 === 0) cache.forget(session(`user ${index % 5}`), `workspace ${index % 89}`);
      expect(cache.size).toBeLessThanOrEqual(50);
    }
    expect(cache.entries()).toHaveLength(cache.size);
  });

  test("everything of a workspace or of a user can be forgotten at once", () => {
    const { cache } = cacheAt();
    for (const workspaceId of ["v", "w"]) for (const user of ["a", "b"]) cache.keep(session(user), access(workspaceId));
    expect(cache.clear({ workspaceId: "v", userId: "a" })).toBe(1);
    expect(cache.clear({ userId: "a" })).toBe(1);
    expect(cache.clear({ workspaceId: "v" })).toBe(1);
    expect(cache.entries().map((entry) => entry.access.workspaceId)).toEqual(["w"]);
    expect(cache.clear({})).toBe(1);
  });
});

describe("loads", () => {
  test("1,000 who ask at once, cold, are answered by one statement", async () => {
    const sim = simOf(() => "write");
    const { resolve } = resolverOver(sim);
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => resolve(session("u"), "w", false)));
    expect(sim.statements).toBe(1);
    expect(new Set(answers.map(({ permission }) => permission))).toEqual(new Set(["write"]));
    await resolve(session("u"), "w", false);
    expect(sim.statements).toBe(1);
  });

  test("control: 1,000 of different users are as many", async () => {
    const sim = simOf(() => "write");
    const { resolve } = resolverOver(sim);
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => resolve(session(`u${index}`), "w", false)));
    expect(sim.statements).toBe(1_000);
  });

  test("1,000 who are refused at once are so by two: the second was made after all of them had asked", async () => {
    const sim = simOf(() => null);
    const { resolve, contexts } = resolverOver(sim);
    const outcomes = await Promise.allSettled(Array.from({ length: 1_000 }, () => resolve(session("u"), "w", false)));
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    expect([sim.statements, contexts.size]).toEqual([2, 0]);
  });

  test("a permission that is given while a refusal is under way is seen by whoever asks after it was given", async () => {
    const gates: (() => void)[] = [];
    let given: string | null = null;
    const sim = simOf(async () => {
      const read = given;
      await new Promise<void>((open) => gates.push(open));
      return read;
    });
    const { resolve } = resolverOver(sim);
    const before = resolve(session("u"), "w", false);
    given = "read";
    const after = resolve(session("u"), "w", false);
    gates.shift()?.();
    await expect(before).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect.poll(() => gates.length).toBe(1);
    gates.shift()?.();
    expect(await after).toMatchObject({ permission: "read" });
  });

  test("a permission that is raised while a load is under way refuses nobody who asks after it was raised", async () => {
    const gates: (() => void)[] = [];
    let given = "read";
    const sim = simOf(async () => {
      const read = given;
      await new Promise<void>((open) => gates.push(open));
      return read;
    });
    const { resolve } = resolverOver(sim);
    const before = resolve(session("u"), "w", false);
    given = "write";
    const joined = resolve(session("u"), "w", false);
    const entered = enter(resolve, "agent:create");
    // Control: whoever takes a joined load for a fresh one is refused with what was there before.
    const naive = enter(async (...asked) => ({ ...(await resolve(...asked)), isRemembered: false }), "agent:create");
    const naiveOutcome = naive.catch((error: unknown) => error);
    await expect.poll(() => gates.length).toBe(1);
    gates.shift()?.();
    expect(await before).toMatchObject({ permission: "read", isRemembered: false });
    expect(await joined).toMatchObject({ permission: "read", isRemembered: true });
    await expect.poll(() => gates.length).toBe(1);
    gates.shift()?.();
    expect(await entered).toMatchObject({ access: { permission: "write", isRemembered: false } });
    expect(await naiveOutcome).toMatchObject({ code: "FORBIDDEN", details: { actual: "read" } });
    expect(sim.statements).toBe(2);
  });

  test("a load that failed is told to all who waited, remembered by nobody, and made anew by the next", async () => {
    let isDown = true;
    const sim = simOf(() => (isDown ? Promise.reject(new Error("connection lost")) : "admin"));
    const { resolve, contexts } = resolverOver(sim);
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => resolve(session("u"), "w", false)));
    expect(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason.message)).toEqual(
      Array(10).fill("connection lost"),
    );
    expect([sim.statements, contexts.size]).toEqual([1, 0]);
    isDown = false;
    expect(await resolve(session("u"), "w", false)).toMatchObject({ permission: "admin", isRemembered: false });
  });

  test("what was read before something was forgotten is not remembered after", async () => {
    const gates: (() => void)[] = [];
    let held: string | null = "write";
    const sim = simOf(async () => {
      const read = held;
      await new Promise<void>((open) => gates.push(open));
      return read;
    });
    const { resolve, contexts } = resolverOver(sim);
    const early = resolve(session("u"), "w", false);
    held = null;
    const fresh = resolve(session("u"), "w", true).catch((error: unknown) => error);
    gates.shift()?.();
    expect(await early).toMatchObject({ permission: "write" });
    expect(contexts.size).toBe(0);
    await expect.poll(() => gates.length).toBe(1);
    gates.shift()?.();
    expect(await fresh).toMatchObject({ code: "NOT_FOUND" });
    expect(contexts.size).toBe(0);
  });

  test("two credentials of one principal do not share a load", async () => {
    const proofs: unknown[] = [];
    const sim = simOf((values) => {
      proofs.push(values[3]);
      return "read";
    });
    const { resolve } = resolverOver(sim);
    await Promise.all([resolve(session("u", "s", "old"), "w", false), resolve(session("u", "s", "new"), "w", false)]);
    expect(proofs.sort()).toEqual(["new", "old"]);
  });

  test("probing other workspaces leaves nothing in memory", async () => {
    const { resolve, contexts } = resolverOver(simOf(() => null));
    for (let index = 0; index < 1_000; index++) await resolve(session("u"), `workspace ${index}`, false).catch(() => {});
    expect(contexts.size).toBe(0);
  });
});

test("a principal's kind alone keeps two apart whose ids are the same", () => {
  const { cache } = cacheAt();
  const kinds: Principal[] = [
    { kind: "session", userId: "x", sessionId: "x" },
    { kind: "personal_api_key", userId: "x", keyId: "x" },
    { kind: "workspace_api_key", keyId: "x", workspaceId: "x" },
    { kind: "internal", userId: "x" },
  ];
  for (const [index, principal] of kinds.entries())
    cache.keep({ principal, proof: null }, { ...access("x"), decidedAtMs: index });
  for (const [index, principal] of kinds.entries()) expect(cache.find({ principal, proof: null }, "x")?.decidedAtMs).toBe(index);
});
