import { execFile } from "node:child_process";
import { promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../../../server/db/client.ts";
import { setUpConnection } from "../../../server/db/connection-setup.ts";
import { isDatabaseUnavailable } from "../../../server/db/errors.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { isPgBouncerTracking, type PgBouncer, pgBouncerBinary, startPgBouncer } from "../../support/pgbouncer.ts";
import { startTestServer } from "../../support/server.ts";
import { naiveRacers, properRacer, readMarks, seedRaces } from "./racers.ts";
import { race } from "./rounds.ts";
import { expectIsolationUnderFaults, unlogged } from "./server-under-faults.ts";

const ROUNDS = process.env["ISOLATION_FUZZ"] === "long" ? 20_000 : 700;
const execFileAsync = promisify(execFile);
const IDS = ["a", "b", "c", "d", "e"];

if (!pgBouncerBinary) console.log("skipped: races through PgBouncer, which is not installed (Debian: apt-get install pgbouncer)");

describe.skipIf(!pgBouncerBinary)("through PgBouncer in transaction mode", () => {
  let database: TestDatabase;
  let bouncer: PgBouncer;
  let client: Database;

  beforeAll(async () => {
    database = await createTestDatabase();
    await seedRaces(database, IDS);
    // Fewer sessions than connections, so that a connection's next transaction meets another session.
    bouncer = await startPgBouncer([database.appUrl], { poolSize: 3 });
    client = openDatabase({
      url: bouncer.through(database.appUrl),
      poolSize: 4,
      maxOverflow: 4,
      poolTimeoutSeconds: 60,
      onError() {},
    });
  });

  afterAll(async () => {
    await client?.close();
    await bouncer?.stop();
    await database?.drop();
  });

  test.each([false, true])("no row crosses (extension on: %s)", { timeout: 3_600_000 }, async (isExtensionOn) => {
    const racers = IDS.map((id) => properRacer(client, id, isExtensionOn));
    const tally = await race(racers, { rounds: ROUNDS, width: 40 });
    console.log(`races through PgBouncer ${bouncer.version}: ${JSON.stringify(tally)}`);
    expect(tally).toMatchObject({ crossed: 0, lacking: 0 });
    expect(await readMarks(database.owner, IDS)).toEqual(Object.fromEntries(IDS.map((id) => [id, [id]])));
  });

  test("control: a pool that looks for the binding below its queue lets rows cross", async () => {
    const { racers, close } = naiveRacers(bouncer.through(database.appUrl), IDS, { onConnect: setUpConnection });
    try {
      const tally = await race(racers, { rounds: 500, width: 40, kinds: ["staggered", "immediate", "emitted"] });
      expect(tally.crossed).toBeGreaterThan(0);
    } finally {
      await close();
    }
  });

  test.skipIf(isPgBouncerTracking)(
    "control: what is sent under a name is refused, by the session that does not know it",
    async () => {
      // More connections than sessions, none of which has been asked what it keeps.
      const { racers, close } = naiveRacers(bouncer.through(database.appUrl), IDS, { max: 12 });
      try {
        const answers = await Promise.allSettled(Array.from({ length: 200 }, (_, turn) => racers[turn % IDS.length]?.find()));
        const reasons = answers.flatMap((answer) => (answer.status === "rejected" ? [String(answer.reason)] : []));
        expect(reasons.length).toBeGreaterThan(0);
        expect(reasons.filter((reason) => !/prepared statement .* (does not exist|already exists)/s.test(reason))).toEqual([]);
      } finally {
        await close();
      }
    },
  );

  test("a call that gets no session in time is told so as where there is no connection", async () => {
    const url = bouncer.through(database.appUrl);
    const holders = Array.from({ length: 3 }, () => new pg.Client({ connectionString: url }));
    const late = openDatabase({ url, poolSize: 1, maxOverflow: 0, poolTimeoutSeconds: 1, onError() {} });
    try {
      for (const holder of holders) {
        await holder.connect();
        await holder.query("begin");
        await holder.query("select 1");
      }
      const call = late.sim.query({ name: "one", text: "select 1 as one", values: [] });
      await expect(call).rejects.toSatisfy(isDatabaseUnavailable);
      for (const holder of holders) await holder.query("rollback");
      expect(await late.sim.query({ name: "one", text: "select 1 as one", values: [] })).toEqual([{ one: 1 }]);
    } finally {
      for (const holder of holders) await holder.end();
      await late.close();
    }
  });

  test("every transaction has the timeouts and the zone, and neither it nor db:check leaves anything on a session that others get", async () => {
    const settings = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "timezone"];
    const text = `select ${settings.map((name) => `current_setting('${name}') as ${name}`).join(", ")}`;
    const reads = Array.from({ length: 20 }, () => client.sim.query({ name: "settings", text, values: [] }));
    for (const rows of await Promise.all(reads)) {
      expect(rows).toEqual([
        { statement_timeout: "15s", lock_timeout: "3s", idle_in_transaction_session_timeout: "30s", timezone: "UTC" },
      ]);
    }
    await execFileAsync(process.execPath, ["server/db/check-cli.ts"], {
      env: { ...process.env, DATABASE_URL: bouncer.through(database.appUrl) },
    });
    const stranger = new pg.Client({ connectionString: bouncer.through(database.appUrl) });
    await stranger.connect();
    try {
      // PgBouncer lends its sessions in turn, so each of them is met.
      for (let turn = 0; turn < 6; turn++) {
        const { rows } = await stranger.query(
          "select current_setting('statement_timeout') as timeout, current_setting('transaction_read_only') as is_read_only, current_setting('app.workspace_id', true) as workspace",
        );
        expect(rows).toMatchObject([{ timeout: "0", is_read_only: "off" }]);
        expect(rows[0].workspace ?? "").toBe("");
      }
    } finally {
      await stranger.end();
    }
  });

  test("200 requests at once, under faults, are answered in their own workspaces", { timeout: 3_600_000 }, async () => {
    const server = await startTestServer(
      { DB_POOL_SIZE: "4", DB_MAX_OVERFLOW: "4", RATE_LIMIT_PER_MINUTE: "0", DENIAL_LIMIT_PER_MINUTE: "0" },
      { reach: async (url) => bouncer.through(url), alter: unlogged },
    );
    try {
      const tally = await expectIsolationUnderFaults(server, 3);
      console.log(`races over HTTP through PgBouncer: ${JSON.stringify(tally)}`);
    } finally {
      await server.stop();
    }
  });
});
