import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allProcedures } from "../../../server/rest/procedure-of.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { callKinds, makeCall } from "../differential/calls.ts";
import { readSchema } from "../differential/schema.ts";
import { systemBinding } from "../races/racers.ts";
import { furnish, kindsOf, makePlace, type Place } from "../replay/place.ts";
import { examplesOf } from "../replay/replay.ts";
import { actorOn } from "../replay/stage.ts";
import { transportsOf } from "../replay/transports.ts";
import { captureStatements } from "./capture.ts";
import { inWorkspace, isPlanned, judgePlan } from "./explain.ts";
import { fillTables } from "./fill.ts";

const POSITIONS_OF_A_KIND = process.env["ISOLATION_FUZZ"] === "long" ? Number.POSITIVE_INFINITY : 4;

const procedures = allProcedures();
let server: TestServer;
let place: Place;
let ofProcedures: string[];
let ofClient: string[];
let calls = 0;
let app: pg.Client;
/** Whom row-level security does not bind: what the statement itself says has to lead it to its workspace. */
let superuser: pg.Client;

beforeAll(async () => {
  server = await startTestServer({ RATE_LIMIT_PER_MINUTE: "0", DENIAL_LIMIT_PER_MINUTE: "0" });
  place = await makePlace(server.database.owner);
  ofProcedures = await captureStatements(callEveryProcedure);
  ofClient = await captureStatements(callEveryAction);
  [app, superuser] = [server.database.appUrl, server.database.superuserUrl].map((url) => new pg.Client(url)) as [
    pg.Client,
    pg.Client,
  ];
  await Promise.all([app.connect(), superuser.connect()]);
  await fillTables(superuser);
}, 1_800_000);

afterAll(async () => {
  await Promise.all([app?.end(), superuser?.end()]);
  await server?.stop();
});

/** By every transport, with each example of its input; what it comes to is for other tests to say. */
async function callEveryProcedure(): Promise<void> {
  const act = actorOn(server.url, procedures);
  for (const path of Object.keys(procedures)) {
    await furnish(place, kindsOf([path], procedures), procedures, act);
    for (const transport of transportsOf(server.url, path, procedures)) {
      for (const { value } of examplesOf(path, procedures, place, { text: `Plan ${transport.name}`.slice(0, 40) })) {
        await transport.send(place.admin.headers, value);
      }
    }
  }
}

/** Every action of every model, with what can stand in its arguments: all of it in the long form. */
async function callEveryAction(): Promise<void> {
  const db = server.dependencies.database.openWorkspace(systemBinding(place.workspaceId)) as unknown as Record<
    string,
    Record<string, (args: unknown) => Promise<unknown>>
  >;
  const random = createRandom();
  for (const kind of callKinds(readSchema(), "scoped")) {
    for (const position of spread(kind.positions, POSITIONS_OF_A_KIND)) {
      const { model, action, args } = makeCall(kind, random, position);
      // Many are refused, some before a statement and some by one.
      await db[model]?.[action]?.(args).catch(() => undefined);
      calls++;
    }
  }
}

/** So many of them, from first to last. */
function spread<Element>(all: readonly Element[], count: number): Element[] {
  return all.filter(
    (_, index) =>
      count >= all.length || Math.floor((index * count) / all.length) !== Math.floor(((index - 1) * count) / all.length),
  );
}

/** Numbers that look like chance, and are the same in each run. */
function createRandom(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

/** Of those that reach our tables: each access that is not led by the workspace, with the statement. */
async function faultsOf(texts: readonly string[]): Promise<{ judged: number; faults: string[] }> {
  const faults: string[] = [];
  let judged = 0;
  for (const text of texts.filter((one) => isPlanned(one) && NAMES_OUR_TABLE.test(one))) {
    const bound = await inWorkspace(app, "filled-7", () => judgePlan(app, text));
    if (!bound) continue;
    if (bound.accesses.length > 0) judged++;
    const unbound = await inWorkspace(superuser, "filled-7", () => judgePlan(superuser, text));
    faults.push(...bound.faults.map((fault) => `${fault} in ${text}`));
    faults.push(...(unbound?.faults ?? []).map((fault) => `without row-level security, ${fault} in ${text}`));
  }
  return { judged, faults };
}

const NAMES_OUR_TABLE = /\bparlant_(?!enter)/;

test("every statement of every procedure reaches our tables by an index, led by the workspace", {
  timeout: 120_000,
}, async () => {
  const { judged, faults } = await faultsOf(ofProcedures);
  console.log(
    `plans of procedures: ${ofProcedures.length} statements, ${judged} of them read our tables, ${faults.length} faults`,
  );
  expect(faults).toEqual([]);
  expect(judged).toBeGreaterThan(5);
});

/**
 * Which rows go is said by a subquery that names the workspace; to find them again PostgreSQL reads a partition whole that
 * is empty, as nearly all of them are here. Of decisions the server deletes in a purge alone, and in other words.
 */
function isLimitedDeleteOfDecisions(text: string): boolean {
  return /^DELETE FROM "parlant"\."parlant_authz_decision" WHERE .* IN \(SELECT /s.test(text);
}

test("so does every statement of the workspace's client", { timeout: 1_800_000 }, async () => {
  const { judged, faults } = await faultsOf(ofClient.filter((text) => !isLimitedDeleteOfDecisions(text)));
  console.log(
    `plans of the client: ${calls} calls, ${ofClient.length} statements, ${judged} of them read our tables, ${faults.length} faults`,
  );
  expect(faults).toEqual([]);
  expect(judged).toBeGreaterThan(100);
});

test("control: a statement that does not say its workspace is caught", async () => {
  const { faults } = await faultsOf(["select name from parlant.parlant_agent where id = $1"]);
  expect(faults).toEqual([expect.stringMatching(/^without row-level security, .* on parlant_agent/)]);
});

test("control: a table that has lost its indexes is caught", async () => {
  const byUser = ["select level from parlant.parlant_agent_grant where workspace_id = $1 and user_id = $2"];
  expect((await faultsOf(byUser)).faults).toEqual([]);
  await superuser.query("DROP INDEX parlant.parlant_agent_grant_workspace_id_user_id_idx");
  await superuser.query("ALTER TABLE parlant.parlant_agent_grant DROP CONSTRAINT parlant_agent_grant_pkey");
  expect((await faultsOf(byUser)).faults).toContainEqual(expect.stringMatching(/^Seq Scan on parlant_agent_grant/));
});
