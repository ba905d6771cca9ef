import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../../server/db/client.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { naiveRacers, properRacer, readMarks, seedRaces, sharedRacer } from "./racers.ts";
import { race } from "./rounds.ts";

const ROUNDS = process.env["ISOLATION_FUZZ"] === "long" ? 50_000 : 2_500;
const IDS = ["a", "b", "c", "d", "e"];
const WIDTH = 40;

let database: TestDatabase;
let client: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  await seedRaces(database, IDS);
  client = openDatabase({ url: database.appUrl, poolSize: 1, maxOverflow: 1, poolTimeoutSeconds: 60, onError() {} });
});

afterAll(async () => {
  await client?.close();
  await database?.drop();
});

test.each([
  ["the binding and row-level security alone", false],
  ["the extension too", true],
])("through two connections no row crosses, with %s", { timeout: 3_600_000 }, async (_, isExtensionOn) => {
  const racers = IDS.map((id) => properRacer(client, id, isExtensionOn));
  const tally = await race(racers, { rounds: ROUNDS, width: WIDTH });
  console.log(`races, ${isExtensionOn ? "all layers" : "without the extension"}: ${JSON.stringify(tally)}`);
  expect(tally).toMatchObject({ crossed: 0, lacking: 0 });
  expect(tally.rounds).toBeGreaterThanOrEqual(ROUNDS);
  // What is left over from a transaction is refused, not sent on the connection that another has by now.
  expect(tally.refusedAfterEnd).toBeGreaterThan(ROUNDS / 10);
  expect(await readMarks(database.owner, IDS)).toEqual(Object.fromEntries(IDS.map((id) => [id, [id]])));
  expect(client.pool().waiting).toBe(0);
});

test("control: a pool that looks for the binding below its queue lets rows cross", async () => {
  const { racers, close } = naiveRacers(database.appUrl, IDS);
  try {
    const tally = await race(racers, {
      rounds: 500,
      width: WIDTH,
      kinds: ["staggered", "lazy", "emitted", "posted", "immediate"],
    });
    expect(tally.crossed).toBeGreaterThan(0);
  } finally {
    await close();
  }
});

test("control: one request handler for all workspaces answers the finds of one tick in one workspace alone", async () => {
  const racers = IDS.map((id) => sharedRacer(client.unscopedPrisma, id));
  const tally = await race(racers, { rounds: 20, width: 1, kinds: ["sameTick"] });
  expect(tally.lacking).toBe(20 * (IDS.length - 1));
});
