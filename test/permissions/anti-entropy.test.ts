import pino from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Authentication } from "../../server/auth/principal.ts";
import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import { createDependencies, type Dependencies } from "../../server/dependencies.ts";
import { contextsCheck } from "../../server/isolation/checks/contexts.ts";
import { createAccessResolver } from "../../server/permissions/access.ts";
import { type AntiEntropy, createAntiEntropy } from "../../server/permissions/anti-entropy.ts";
import { ContextCache } from "../../server/permissions/context-cache.ts";
import { createLogger } from "../../server/shared/logger.ts";
import { createTestDatabase, grantPermission, type TestDatabase } from "../support/database.ts";
import { testEnv } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

let database: TestDatabase;
let dependencies: Dependencies;

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createDependencies(testEnv(database.appUrl), createLogger("error"));
});

afterAll(async () => {
  await dependencies?.close();
  await database?.drop();
});

/** A cache with one decision in it, watched over by hand. `isGuarded` off: statements run whatever the guard says. */
async function watched(isGuarded = true) {
  const workspace = await makeStaffedWorkspace(database.owner);
  const contexts = new ContextCache({ ttlMs: 60_000 });
  const { database: db, services } = dependencies;
  const openWorkspace = db.openWorkspace;
  const { resolve } = createAccessResolver({ sim: db.sim, features: CURRENT_SIM, contexts, openWorkspace, nowMs: Date.now });
  const remember = async ({ headers }: TestWorkspace["writer"], workspaceId: string) => {
    const caller = (await services.findCaller(new Headers(headers), false)) as Authentication;
    await resolve(caller, workspaceId, false);
  };
  await remember(workspace.writer, workspace.id);
  const antiEntropy: AntiEntropy = createAntiEntropy({
    contexts,
    features: CURRENT_SIM,
    queryBound: isGuarded
      ? db.queryBound
      : (binding, statement) =>
          db.queryBound({ ...binding, prelude: { name: "nothing", text: "select 1", values: [] } }, statement),
    log: pino({ level: "silent" }),
    intervalMs: 0,
  });
  return { workspace, contexts, antiEntropy, remember };
}

test("a decision that still holds is checked and stays", async () => {
  const { contexts, antiEntropy } = await watched();
  await antiEntropy.sample();
  expect([antiEntropy.total(), contexts.size]).toEqual([{ checked: 1, mismatches: 0 }, 1]);
});

test("one that a revocation made stale is forgotten, and is no mismatch: the guard rejects it", async () => {
  const { workspace, contexts, antiEntropy } = await watched();
  await grantPermission(database.owner, { userId: workspace.writer.id, workspaceId: workspace.id, permission: "read" });
  await antiEntropy.sample();
  expect([antiEntropy.total(), contexts.size]).toEqual([{ checked: 1, mismatches: 0 }, 0]);
});

test("control: behind a guard that does not look, the same is a mismatch; it is of the past once it is mended", async () => {
  const { workspace, contexts, antiEntropy } = await watched(false);
  await antiEntropy.sample();
  expect(antiEntropy.recent(workspace.id)).toEqual({ checked: 1, mismatches: 0 });
  await database.owner.query("delete from permissions where user_id = $1", [workspace.writer.id]);
  await antiEntropy.sample();
  expect([antiEntropy.recent(workspace.id), contexts.size]).toEqual([{ checked: 2, mismatches: 1 }, 0]);
  for (let turn = 0; turn < 5; turn++) await antiEntropy.sample();
  expect([antiEntropy.recent(workspace.id).mismatches, antiEntropy.total().mismatches]).toEqual([0, 1]);
});

test("what is found in another workspace changes nothing that a workspace is told; in its own it does", async () => {
  const { workspace, contexts, antiEntropy, remember } = await watched(false);
  const other = await makeStaffedWorkspace(database.owner);
  const healthOf = (workspaceId: string) => contextsCheck(antiEntropy.recent).run(workspaceId);
  await antiEntropy.sample();
  const before = await healthOf(workspace.id);
  for (const member of [other.admin, other.writer, other.reader]) await remember(member, other.id);
  await database.owner.query("delete from permissions where entity_id = $1", [other.id]);
  await antiEntropy.sample();
  expect([antiEntropy.total().mismatches, contexts.size]).toEqual([3, 1]);
  expect(await healthOf(workspace.id)).toEqual(before);
  expect(before.status).toBe("healthy");
  // Control: whose they are is told.
  expect(await healthOf(other.id)).toMatchObject({ status: "unhealthy", evidence: { mismatches: 3 } });
});

test("an entry in another's place is a mismatch", async () => {
  const { contexts, antiEntropy, workspace } = await watched();
  const impostor = { principal: { kind: "session", userId: "u", sessionId: "s" } as const, proof: null };
  contexts.keep(impostor, { workspaceId: workspace.id, permission: "read", db: {} as never, decidedAtMs: 0 });
  contexts.find({ ...impostor, principal: { ...impostor.principal, userId: "other" } }, workspace.id);
  await antiEntropy.sample();
  expect(antiEntropy.total().mismatches).toBe(1);
});

test("a server samples by itself, a few entries a second, and finds nothing wrong", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const caller = (await dependencies.services.findCaller(new Headers(writer.headers), false)) as Authentication;
  await dependencies.services.resolveAccess(caller, workspaceId, false);
  await expect.poll(() => dependencies.antiEntropy.total().checked, { timeout: 5_000 }).toBeGreaterThan(0);
  expect(dependencies.antiEntropy.total().mismatches).toBe(0);
});
