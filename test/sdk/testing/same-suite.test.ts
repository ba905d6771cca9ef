import { afterAll, beforeAll, describe, test } from "vitest";
import { createMovableClock } from "../../support/clock.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { SUITE } from "./suite.ts";
import { publicFakeWorlds, realWorlds } from "./world.ts";

const clock = createMovableClock();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({}, { clock });
});
afterAll(() => server?.stop());

describe.each([
  { where: "the server", makeWorld: realWorlds(() => server, clock) },
  { where: "the fake", makeWorld: publicFakeWorlds },
])("at $where", ({ makeWorld }) => {
  for (const [subject, checks] of Object.entries(SUITE)) {
    describe(subject, () => {
      for (const [sentence, check] of Object.entries(checks)) test(sentence, async () => check(await makeWorld()));
    });
  }
});
