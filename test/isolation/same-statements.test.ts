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
import { transportsOf } from "./replay/transports.ts";

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

/** The statements of a call that puts these ids in the places of one's own, by each way of calling. */
async function statementsOf(path: string, ids: Record<string, string>): Promise<string[][]> {
  const { mine } = stage;
  const idOf = ({ kind }: IdSlot) => ids[kind] ?? mine.live[kind] ?? "";
  const input = examplesOf(path, procedures, mine, { idOf, text: "Example" })[0]?.value;
  const statements: string[][] = [];
  for (const transport of transportsOf(url, path, procedures)) {
    tap.takeStatements();
    await transport.send(mine.admin.headers, input);
    statements.push(tap.takeStatements());
  }
  return statements;
}

const ATTEMPTS = 3;

/** Expects the same statements in the same order. What runs in the background may come between, but not every time. */
async function expectSameStatements(path: string, ids: Record<string, string>, others: Record<string, string>): Promise<void> {
  await statementsOf(path, others); // prepared and remembered by now is what ever will be
  for (let attempt = 1; ; attempt++) {
    const [seen, absent] = [await statementsOf(path, ids), await statementsOf(path, others)];
    if (attempt < ATTEMPTS && JSON.stringify(seen) !== JSON.stringify(absent)) continue;
    expect(seen).toEqual(absent);
    expect(seen.flat().length).toBeGreaterThan(0);
    return;
  }
}

describe.each(paths)("%s makes the same statements", (path) => {
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
