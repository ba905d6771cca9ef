import { afterEach, beforeEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { findBreaches } from "./webhook-history.ts";
import { runStorm } from "./webhook-storm.ts";

/** WEBHOOK_STORM=10000 for the long form. */
const DELIVERIES = Number(process.env["WEBHOOK_STORM"] ?? 200);
const TIMEOUT_MS = DELIVERIES > 1_000 ? 1_200_000 : 240_000;

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database?.drop());

test(
  `${DELIVERIES} deliveries by 8 senders, doubled, out of order, some forged, under kill -9 and lost connections: each that was acknowledged took effect once, none that was forged did`,
  async () => {
    const { history, outcome, kills, sentMs, drainedMs } = await runStorm(database, {
      ...{ deliveries: DELIVERIES, how: "together" },
      killEveryMs: DELIVERIES > 1_000 ? 4_000 : 1_500,
    });
    const answers = history.flatMap((one) => one.answers);
    console.log(
      `webhook storm: ${history.length} deliveries, ${answers.length} posts, ${answers.filter((status) => status === 0).length} unanswered, ` +
        `${answers.filter((status) => status === 503).length} of 503, ${kills} kills; sent in ${sentMs} ms, carried out in ${drainedMs} ms`,
    );
    expect(kills).toBeGreaterThan(0);
    expect(findBreaches(history, outcome)).toEqual([]);
  },
  TIMEOUT_MS,
);

test("control: with the job put into the queue by a transaction of its own, acknowledged deliveries are lost", async () => {
  // A kill has to fall between the two transactions.
  for (let storm = 1; storm <= 8; storm++) {
    const { history, outcome } = await runStorm(database, { deliveries: 150, how: "apart", killEveryMs: 600 });
    if (findBreaches(history, outcome).some((breach) => breach.includes("acknowledged, and pending"))) return;
  }
  expect.fail("Nothing was lost in eight storms");
}, 600_000);
