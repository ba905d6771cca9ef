import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { allProcedures } from "../../server/rest/procedure-of.ts";
import { startApp } from "../http/app-under-test.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { createTestDependencies } from "../support/services.ts";
import { openWireTap, type WireTap } from "../support/wire-tap.ts";
import type { IdSlot } from "./replay/example-inputs.ts";
import { absentId, kindsOf, slotsOf } from "./replay/place.ts";
import { examplesOf } from "./replay/replay.ts";
import { type Stage, setStage } from "./replay/stage.ts";
import { type Transport, transportsOf } from "./replay/transports.ts";

const procedures = allProcedures();
const paths = Object.keys(procedures).filter((path) => slotsOf(path, procedures).length > 0);

let server: TestServer;
let tap: WireTap;
let dependencies: Dependencies;
let app: FastifyInstance;
let url: string;
let stage: Stage;

beforeAll(async () => {
  server = await startTestServer({ RATE_LIMIT_PER_MINUTE: "0", DENIAL_LIMIT_PER_MINUTE: "0" });
  stage = await setStage(server, kindsOf(paths, procedures), procedures);
  tap = await openWireTap(server.database.appUrl);
  dependencies = await createTestDependencies(tap.url, { DB_POOL_SIZE: "1", DB_MAX_OVERFLOW: "0" });
  ({ app } = await startApp({ services: dependencies.services }));
  url = await app.listen({ host: "127.0.0.1", port: 0 });
});

afterAll(async () => {
  await app?.close();
  await dependencies?.close();
  await tap?.close();
  await stage?.close();
  await server?.stop();
});

/** The statements of a call that puts these ids in the places of one's own. */
async function statementsOf(transport: Transport, path: string, ids: Record<string, string>): Promise<string[]> {
  const { mine } = stage;
  const idOf = ({ kind }: IdSlot) => ids[kind] ?? mine.live[kind] ?? "";
  const input = examplesOf(path, procedures, mine, { idOf, text: "Example" })[0]?.value;
  tap.takeStatements();
  await transport.send(mine.admin.headers, input);
  return tap.takeStatements();
}

const ATTEMPTS = 12;

/**
 * Expects the same statements in the same order, by each way of calling. What is written in the background, such as the
 * trail of refusals, may come between and only adds: so the fewest that were seen count.
 */
async function expectSameStatements(path: string, ids: Record<string, string>, others: Record<string, string>): Promise<void> {
  for (const transport of transportsOf(url, path, procedures)) {
    await statementsOf(transport, path, others); // prepared and remembered by now is what ever will be
    let [seen, absent] = [await statementsOf(transport, path, ids), await statementsOf(transport, path, others)];
    for (let attempt = 1; attempt < ATTEMPTS && JSON.stringify(seen) !== JSON.stringify(absent); attempt++) {
      seen = fewer(seen, await statementsOf(transport, path, ids));
      absent = fewer(absent, await statementsOf(transport, path, others));
    }
    expect([transport.name, seen]).toEqual([transport.name, absent]);
    expect(seen.length).toBeGreaterThan(0);
  }
}

function fewer(known: string[], other: string[]): string[] {
  return other.length < known.length ? other : known;
}

describe.each(paths)("%s makes the same statements", { timeout: 120_000 }, (path) => {
  test("for another's workspace as for one that is not there", async () => {
    const nowhere = Object.fromEntries(Object.keys(stage.mine.live).map((kind) => [kind, absentId(kind)]));
    for (const place of Object.values(stage.strangers)) await expectSameStatements(path, place.live, nowhere);
  });

  test("for what is another's as for what is not there", async () => {
    for (const { kind } of slotsOf(path, procedures).filter(({ kind }) => kind !== "workspaceId")) {
      for (const place of Object.values(stage.strangers)) {
        const id = place.live[kind] ?? "";
        if (Object.values(stage.mine.live).includes(id)) continue;
        await expectSameStatements(path, { [kind]: id }, { [kind]: absentId(kind) });
      }
    }
  });
});

test("control: the statements of a call on one's own are others", async () => {
  const path = "workspaces.agents.update";
  await expect(expectSameStatements(path, {}, { agentId: absentId("agentId") })).rejects.toThrow(/to deeply equal/);
  const elsewhere = { workspaceId: absentId("workspaceId") };
  await expect(expectSameStatements("workspaces.agents.list", {}, elsewhere)).rejects.toThrow(/to deeply equal/);
});
