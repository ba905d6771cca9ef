import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../client-sdk/src/index.ts";
import { createAccessTokens } from "../../server/auth/access-token.ts";
import { createAuthenticator } from "../../server/auth/authenticator.ts";
import type { Principal } from "../../server/auth/principal.ts";
import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import { createLogger } from "../../server/shared/logger.ts";
import {
  createIntegrationValidator,
  type ValidationOptions,
} from "../../server/sim-integration/validate/validate-integration.ts";
import { createMovableClock } from "../support/clock.ts";
import { asOlderSim, createTestDatabase } from "../support/database.ts";
import { internalHeaders } from "../support/internal.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { createTestDependencies, TEST_BETTER_AUTH_SECRET, TEST_INTERNAL_SECRET, testEnv } from "../support/services.ts";

const SIM: Principal = { kind: "internal", userId: null };
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await server.dependencies.database.hints.start();
});
afterAll(() => server?.stop());

interface Answer {
  integrationStatus: string;
  checks: { name: string; status: string; message: string; remedy: string | null }[];
  userId: string | null;
}

const validate = (headers: Record<string, string>) =>
  fetch(`${server.url}/api/v1/sim-integration/validate-integration`, { method: "POST", headers });

/** The status of each check, of those that are no pass. */
const unwell = ({ checks }: Pick<Answer, "checks">) =>
  Object.fromEntries(checks.filter(({ status }) => status !== "passed").map(({ name, status }) => [name, status]));

/** A validator as the server has it, with something about it changed. */
function validatorWith(changes: Partial<ValidationOptions> = {}) {
  const { sim, hints } = server.dependencies.database;
  const clock = { now: () => Date.now() };
  return createIntegrationValidator({
    ...{ sim, hints, clock, betterAuthSecret: TEST_BETTER_AUTH_SECRET, cookieName: "better-auth.session_token" },
    log: createLogger("silent"),
    authenticator: authenticatorWith(TEST_BETTER_AUTH_SECRET),
    webhooks: { secrets: ["webhook-secret-of-the-tests-0123456789abcd"], allowLegacy: false },
    ttlMs: 0,
    ...changes,
  });
}

function authenticatorWith(betterAuthSecret: string) {
  return createAuthenticator({
    ...{ sim: server.dependencies.database.sim, features: CURRENT_SIM, clock: { now: () => Date.now() }, betterAuthSecret },
    ...{ internalJwtSecret: TEST_INTERNAL_SECRET, appUrl: "http://localhost:3000" },
    accessTokens: createAccessTokens({ rootSecrets: ["no access token is made here"], clock: { now: () => Date.now() } }),
  });
}

test("for whoever has a session of Sim's everything passes, and the answer names no secret, host or path", async () => {
  const { reader } = server.workspace;
  const answer = await validate(reader.headers);
  expect(answer.status).toBe(200);
  const text = await answer.text();
  const { integrationStatus, checks, userId } = JSON.parse(text) as Answer;
  expect([integrationStatus, userId]).toEqual(["healthy", reader.id]);
  expect(checks.map(({ name, status }) => [name, status]).sort()).toEqual(
    [
      ...["better_auth_secret", "clock", "database", "database_role", "hints", "job_queue"],
      ...["migrations", "row_level_security", "sim_tables", "webhook_secret"],
    ].map((name) => [name, "passed"]),
  );
  const env = testEnv(server.database.appUrl);
  const url = new URL(server.database.appUrl);
  const secrets = [env.BETTER_AUTH_SECRET, ...env.ISOLATION_SECRET, ...(env.SIM_WEBHOOK_SECRET ?? []), TEST_INTERNAL_SECRET];
  for (const hidden of [
    ...secrets,
    url.hostname,
    url.port,
    url.username,
    url.password,
    process.cwd(),
    "/tmp",
    reader.headers["authorization"],
  ])
    expect([hidden, text.includes(String(hidden))]).toEqual([hidden, false]);
});

test("nobody without a credential is told anything; Sim's backend is told what only a session could show", async () => {
  expect((await validate({})).status).toBe(401);
  const token = (await internalHeaders()).authorization?.replace("Bearer ", "") ?? "";
  const found = await createClient({ baseUrl: server.url, token }).integration.validate();
  expect([found.integrationStatus, unwell(found), found.userId]).toEqual(["healthy", { better_auth_secret: "skipped" }, null]);
  const { reader } = server.workspace;
  expect(unwell((await (await validate(await internalHeaders(reader.id))).json()) as Answer)).toEqual({
    better_auth_secret: "warning",
  });
});

test("a secret that is not the one by which cookies are read fails", async () => {
  const { reader } = server.workspace;
  const caller = await server.dependencies.services.findCaller(new Headers(reader.headers), false);
  const other = authenticatorWith("another-secret-of-better-auth-0123456789");
  const principal = caller?.principal ?? SIM;
  expect(unwell(await validatorWith({ authenticator: other })(principal))).toEqual({ better_auth_secret: "failed" });
  expect(unwell(await validatorWith({ cookieName: "another.cookie" })(principal))).toEqual({ better_auth_secret: "failed" });
});

test("without a webhook secret, or where what can be replayed is taken, there is a warning", async () => {
  const skipped = { better_auth_secret: "skipped" };
  const none = await validatorWith({ webhooks: { secrets: [], allowLegacy: false } })(SIM);
  expect([none.integrationStatus, unwell(none)]).toEqual(["degraded", { ...skipped, webhook_secret: "warning" }]);
  const legacy = await validatorWith({ webhooks: { secrets: ["x".repeat(32)], allowLegacy: true } })(SIM);
  expect(unwell(legacy)).toEqual({ ...skipped, webhook_secret: "warning" });
});

test("clocks that are apart are told of, and fail where nothing works with them", async () => {
  for (const [seconds, status] of [
    [0, undefined],
    [10, "warning"],
    [-10, "warning"],
    [120, "failed"],
    [-120, "failed"],
  ] as const) {
    const clock = createMovableClock();
    clock.forward(seconds * 1_000);
    expect([seconds, unwell(await validatorWith({ clock })(SIM))["clock"]]).toEqual([seconds, status]);
  }
});

test("hints that are off or lost are a warning", async () => {
  for (const state of ["off", "lost", "idle", "starting"] as const) {
    const hints = { state: () => ({ state, losses: 0, malformed: 0 }) };
    expect(unwell(await validatorWith({ hints })(SIM))["hints"]).toBe("warning");
  }
});

test("what is wrong with the database is found, and no role or table is named", async () => {
  const database = await createTestDatabase();
  const { owner } = database;
  const dependencies = await createTestDependencies(database.appUrl);
  const look = async () => {
    const found = await validatorWith({ sim: dependencies.database.sim })(SIM);
    return {
      found,
      status: found.integrationStatus,
      wrong: Object.keys(unwell(found)).filter((name) => name !== "better_auth_secret"),
    };
  };
  expect(await look()).toMatchObject({ status: "healthy", wrong: [] });
  await owner.query("alter table parlant.parlant_agent no force row level security");
  const open = await look();
  expect(open).toMatchObject({ status: "unhealthy", wrong: ["row_level_security"] });
  expect(JSON.stringify(open.found)).not.toContain("parlant_agent");
  await owner.query("alter table parlant.parlant_agent force row level security");
  await owner.query("delete from parlant._prisma_migrations where migration_name like '%audit_log_seals'");
  expect(await look()).toMatchObject({ status: "unhealthy", wrong: ["migrations"] });
  await owner.query(`grant insert on public."user" to ${new URL(database.appUrl).username}`);
  const mighty = await look();
  expect(mighty.wrong.sort()).toEqual(["database_role", "migrations"]);
  expect(JSON.stringify(mighty.found)).not.toContain(new URL(database.appUrl).username);
  await dependencies.close();
  await database.drop();
});

test("of an older Sim it is told what is missing, and a database that is away fails alone", async () => {
  const database = await createTestDatabase();
  await asOlderSim(database.owner);
  const dependencies = await createTestDependencies(database.appUrl);
  const older = await validatorWith({ sim: dependencies.database.sim })(SIM);
  expect(older.integrationStatus).toBe("degraded");
  expect(older.checks.find(({ name }) => name === "sim_tables")).toMatchObject({ status: "warning", remedy: "Update Sim" });
  await dependencies.close();
  await database.drop();
  const away = { query: () => Promise.reject(new Error("connect ECONNREFUSED 10.1.2.3:5432")) };
  const found = await validatorWith({ sim: away })(SIM);
  expect([found.integrationStatus, found.checks.filter(({ status }) => status === "failed").map(({ name }) => name)]).toEqual([
    "unhealthy",
    ["database"],
  ]);
  expect(JSON.stringify(found)).not.toMatch(/10\.1\.2\.3|ECONN/);
});

test("however many ask, what is the same for all is looked at once in a while", async () => {
  let statements = 0;
  const { sim } = server.dependencies.database;
  const counting: ValidationOptions["sim"] = {
    query: (statement) => {
      statements += 1;
      return sim.query(statement);
    },
  };
  const validator = validatorWith({ sim: counting, ttlMs: 60_000 });
  await validator(SIM);
  const first = statements;
  await Promise.all(Array.from({ length: 20 }, () => validator(SIM)));
  expect([first > 5, statements]).toEqual([true, first]);
});
