import { expect, onTestFinished, test } from "vitest";
import { startEmbeddedPostgres } from "../../server/db/embedded.ts";
import { migrate } from "../../server/db/migrate.ts";
import { makeDirectory } from "../db/embedded-fixture.ts";
import { withConnection } from "../support/connection.ts";
import { makeApiKey, makeUser, makeWorkspace } from "../support/database.ts";
import { startProcess } from "./server-process.ts";

const VARIABLES = {
  BETTER_AUTH_SECRET: "better-auth-secret-of-the-tests-0123456789",
  ISOLATION_SECRET: "isolation-secret-of-the-tests-0123456789ab",
  SIM_WEBHOOK_SECRET: "webhook-secret-of-the-tests-0123456789abcd",
  INTERNAL_API_SECRET: "internal-secret-of-the-tests-0123456789abc",
};

test("while the database is away requests are 503 and to be repeated; when it is back they are answered", {
  timeout: 60_000,
}, async () => {
  const dataDir = await makeDirectory();
  const postgres = await startEmbeddedPostgres({ dataDir, log: () => {} });
  onTestFinished(() => postgres.stop());
  const superuserUrl = postgres.superuserUrl("postgres");
  const appRole = { name: "away_app", password: "away", create: true };
  await migrate({ url: superuserUrl, withSimTables: true, appRole });
  const { apiKey, workspaceId } = await withConnection(superuserUrl, async (owner) => {
    const { id: ownerId } = await makeUser(owner);
    const { id } = await makeWorkspace(owner, { ownerId });
    return { apiKey: (await makeApiKey(owner, { userId: ownerId })).plain, workspaceId: id };
  });
  const url = Object.assign(new URL(superuserUrl), { username: appRole.name, password: appRole.password }).href;
  const server = await startProcess({ ...VARIABLES, DATABASE_URL: url });
  const statusOf = async (path: string) => (await fetch(`${server.url}${path}`)).status;
  const list = () => fetch(`${server.url}/api/v1/workspaces/${workspaceId}/agents`, { headers: { "x-api-key": apiKey } });
  expect((await list()).status).toBe(200);

  await postgres.stop();
  const refused = await list();
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
  expect(await refused.json()).toMatchObject({ error: { code: "SERVICE_UNAVAILABLE" } });
  await expect.poll(() => statusOf("/readyz"), { timeout: 5_000 }).toBe(503);
  expect(await statusOf("/livez")).toBe(200);

  const back = await startEmbeddedPostgres({ dataDir, port: postgres.port, log: () => {} });
  onTestFinished(() => back.stop());
  await expect.poll(async () => (await list()).status, { timeout: 10_000 }).toBe(200);
  await expect.poll(() => statusOf("/readyz"), { timeout: 5_000 }).toBe(200);
  expect(await server.end("SIGTERM")).toMatchObject({ code: 0 });
});
