import { expect, test } from "vitest";
import { startTestServer } from "../../support/server.ts";
import { makeField, raceRequests } from "./requests.ts";
import { expectIsolationUnderFaults, unlogged } from "./server-under-faults.ts";

/** No limit on rates: one client stands for many. */
const SETTINGS = { DB_POOL_SIZE: "2", DB_MAX_OVERFLOW: "2", RATE_LIMIT_PER_MINUTE: "0", DENIAL_LIMIT_PER_MINUTE: "0" };

test("through four connections, under faults, no request is answered with another workspace's row", {
  timeout: 3_600_000,
}, async () => {
  const server = await startTestServer(SETTINGS, { alter: unlogged });
  try {
    const tally = await expectIsolationUnderFaults(server, 4);
    console.log(`races over HTTP: ${JSON.stringify(tally)}`);
  } finally {
    await server.stop();
  }
});

test("control: a server that keeps the workspace of a call in a place that calls share is caught", async () => {
  const server = await startTestServer(SETTINGS, {
    alter(services) {
      let current: Awaited<ReturnType<typeof services.resolveAccess>> | undefined;
      const resolveAccess: typeof services.resolveAccess = async (caller, workspaceId, isFresh) => {
        current = await services.resolveAccess(caller, workspaceId, isFresh);
        await new Promise((resolve) => setImmediate(resolve));
        return current;
      };
      return { ...unlogged(services), resolveAccess };
    },
  });
  try {
    const tally = await raceRequests(server, await makeField(server, 5), { requests: 300, width: 60, abortEvery: 0 });
    expect(tally.crossed + tally.lacking).toBeGreaterThan(0);
  } finally {
    await server.stop();
  }
});
