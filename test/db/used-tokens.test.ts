import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { forgetUsedTokens } from "../../server/jobs/forget-used-tokens.ts";
import { exchangeCalls } from "../rest/exchange-calls.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
const { exchange, offer, signIn, sql } = exchangeCalls(() => server);

beforeAll(async () => {
  server = await startTestServer({ PERMISSION_CACHE_TTL: "3600" });
});
afterAll(() => server?.stop());

describe("the table of used tokens", () => {
  const insert = (hoursAgo: number) =>
    sql(
      "insert into parlant.parlant_used_token values ($1, now(), now() - make_interval(hours => $2))",
      randomBytes(32),
      hoursAgo,
    );
  const count = async () => (await sql("select count(*)::int as count from parlant.parlant_used_token")).rows[0]?.["count"];

  test("is swept of what expired more than an hour ago, however much that is, and of nothing else", async () => {
    const before = Number(await count());
    for (const hoursAgo of [...Array<number>(25).fill(2), 0, -1]) await insert(hoursAgo);
    expect(await count()).toBe(before + 27);
    const sweep = forgetUsedTokens(server.dependencies.database.oneTimeTokens, 10);
    await sweep.run(AbortSignal.abort());
    expect(await count()).toBe(before + 27);
    await sweep.run(new AbortController().signal);
    expect(await count()).toBe(before + 2);
    expect(server.dependencies.sweeps.map(({ name }) => name)).toContain(sweep.name);
  });

  test("lets the server's role neither change a row nor delete one that is still good", async () => {
    const { token } = await signIn();
    const offered = await offer(token);
    expect((await exchange(offered)).statusCode).toBe(200);
    const app = new pg.Client({ connectionString: server.database.appUrl });
    await app.connect();
    onTestFinished(() => app.end());
    const before = await count();
    await app.query("delete from parlant.parlant_used_token");
    expect(await count()).toBe(before);
    for (const text of ["update parlant.parlant_used_token set expires_at = now()", "truncate parlant.parlant_used_token"]) {
      await expect(app.query(text)).rejects.toMatchObject({ code: "42501" });
    }
    expect((await exchange(offered)).statusCode).toBe(401);
    // Control: without its policies the same statement deletes all, and the token is good a second time.
    await sql("alter table parlant.parlant_used_token disable row level security");
    await app.query("delete from parlant.parlant_used_token");
    await sql("alter table parlant.parlant_used_token enable row level security");
    expect((await exchange(offered)).statusCode).toBe(200);
  });
});
