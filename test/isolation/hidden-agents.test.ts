import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPERATIONS, type Operation } from "../../server/permissions/levels.ts";
import { allProcedures } from "../../server/rest/procedure-of.ts";
import { grantPermission } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { makeSignedInUser, type TestUser } from "../support/workspace.ts";
import { type Asked, comparable, withoutTheTime } from "./replay/answers.ts";
import { absentId, furnish, kindsOf, makePlace, type Place, slotsOf } from "./replay/place.ts";
import { examplesOf } from "./replay/replay.ts";
import { actorOn, REPLAYED } from "./replay/stage.ts";
import { type Transport, transportsOf } from "./replay/transports.ts";

const procedures = allProcedures();
const paths = Object.keys(procedures);
const kinds = kindsOf(paths, procedures);
const ofAgents = paths.filter((path) => slotsOf(path, procedures).some(({ kind }) => kind === "agentId"));
const queries = paths.filter((path) => path.startsWith("workspaces.") && procedures[path]?.type === "query");

let server: TestServer;
let place: Place;
let callers: Record<string, TestUser>;

beforeAll(async () => {
  // Nothing is remembered, because access.me tells how old a remembered decision is.
  server = await startTestServer({ ...REPLAYED, PERMISSION_CACHE_TTL: "0" });
});

afterAll(() => server?.stop());

/** A workspace with something of each kind that everyone there sees, a reader and a writer. */
async function makeVisible(): Promise<void> {
  place = await makePlace(server.database.owner);
  const writer = await makeSignedInUser(server.database.owner);
  await grantPermission(server.database.owner, { userId: writer.id, workspaceId: place.workspaceId, permission: "write" });
  await furnish(place, kinds, procedures, act());
  callers = { "a reader": place.reader, "a writer": writer };
}

const act = () => actorOn(server.url, procedures);
const call = (path: string, input: object) =>
  act()(path, place.admin, { workspaceId: place.workspaceId, ...input }) as Promise<{ id: string }>;

/** What neither a reader nor a writer sees, made by the workspace's admin. */
const HIDDEN: Record<string, () => Promise<string>> = {
  async "a restricted agent"() {
    return (await call("workspaces.agents.create", { name: "Hidden", visibility: "restricted", tags: ["hidden"] })).id;
  },
  async "a deleted agent"() {
    const { id } = await call("workspaces.agents.create", { name: "Deleted" });
    await call("workspaces.agents.delete", { agentId: id });
    return id;
  },
  async "a restricted agent that was deleted"() {
    const { id } = await call("workspaces.agents.create", { name: "Both", visibility: "restricted" });
    await call("workspaces.agents.delete", { agentId: id });
    return id;
  },
};

async function ask(
  transport: Transport,
  path: string,
  user: TestUser,
  options: { example?: string; agentId?: string },
): Promise<Asked> {
  const { agentId } = options;
  const example = options.example ?? (isAgentOptional(path) ? "with agentId" : "least");
  const idOf = ({ kind }: { kind: string }) => (kind === "agentId" && agentId ? agentId : (place.live[kind] ?? ""));
  const examples = examplesOf(path, procedures, place, { idOf });
  const input = examples.find(({ name }) => name === example)?.value;
  const askedAtMs = Date.now();
  const answer = withoutTheTime(await transport.send(user.headers, input), askedAtMs);
  return { answer, id: agentId ?? place.workspaceId };
}

function isAgentOptional(path: string): boolean {
  return slotsOf(path, procedures).some(({ path: place, isRequired }) => place === "agentId" && !isRequired);
}

/** Reads of what a strict agent shows to those alone who made it or manage the agent: here, the admin. */
const OWN_ROWS = new Set(["workspaces.sessions.list", "workspaces.analytics.timeseries"]);

function isForAdmins(path: string): boolean {
  const needs = OPERATIONS[procedures[path]?.meta.permission as Operation];
  return needs !== undefined && "workspace" in needs && needs.workspace === "admin";
}

/** The control: whether an agent that is there is told apart from one that is not. */
async function isToldApart(of: (agentId: string) => Promise<Asked>): Promise<boolean> {
  const absent = [await of(absentId("agentId")), await of(absentId("agentId"))] as const;
  const { seen, expected } = comparable(await of(place.live["agentId"] ?? ""), absent);
  return seen !== expected;
}

describe.each(ofAgents)("%s", { timeout: 120_000 }, (path) => {
  test("answers for an agent that is hidden as for one that is not there", async () => {
    await makeVisible();
    const hidden: [string, string][] = [];
    for (const [what, make] of Object.entries(HIDDEN)) hidden.push([what, await make()]);
    const differences: string[] = [];
    let told = 0;
    for (const transport of transportsOf(server.url, path, procedures)) {
      for (const [caller, user] of Object.entries(callers)) {
        const of = (agentId: string) => ask(transport, path, user, { agentId });
        const absent = [await of(absentId("agentId")), await of(absentId("agentId"))] as const;
        for (const [what, id] of hidden) {
          const { seen, expected } = comparable(await of(id), absent);
          if (seen !== expected) differences.push(`${transport.name}, ${what} to ${caller}: ${seen} instead of ${expected}`);
        }
        if (!isForAdmins(path) && (await isToldApart(of))) told++;
      }
      // Neither of them gets as far as the agent, or to what is of it.
      if (
        (isForAdmins(path) || OWN_ROWS.has(path)) &&
        (await isToldApart((agentId) => ask(transport, path, place.admin, { agentId })))
      )
        told++;
    }
    expect(differences).toEqual([]);
    expect(told).toBeGreaterThan(0);
    for (const [, agentId] of hidden.slice(0, 1))
      expect(await call("workspaces.agents.get", { agentId })).toMatchObject({ version: 1 });
  });
});

/** The answers of every example of a query that `change` makes different. */
async function changed(path: string, change: () => Promise<unknown>): Promise<string[]> {
  const differences: string[] = [];
  const asks = transportsOf(server.url, path, procedures).flatMap((transport) =>
    Object.entries(callers).flatMap(([caller, user]) =>
      examplesOf(path, procedures, place).map(({ name }) => ({
        what: `${transport.name}, ${name}, to ${caller}`,
        send: () => ask(transport, path, user, { example: name }),
      })),
    ),
  );
  const before = new Map<string, [Asked, Asked]>();
  for (const { what, send } of asks) before.set(what, [await send(), await send()]);
  await change();
  for (const { what, send } of asks) {
    const { seen, expected } = comparable(await send(), before.get(what) as [Asked, Asked]);
    if (seen !== expected) differences.push(`${what}: ${seen} instead of ${expected}`);
  }
  return differences;
}

describe.each(queries)("%s", { timeout: 120_000 }, (path) => {
  test("answers the same whether or not there are agents that are hidden from the caller", async () => {
    await makeVisible();
    const makeAll = async () => {
      for (const make of Object.values(HIDDEN)) await make();
    };
    expect(await changed(path, makeAll)).toEqual([]);
  });
});

test("control: one more agent that they see is found in their lists", async () => {
  await makeVisible();
  expect(await changed("workspaces.agents.list", () => call("workspaces.agents.create", { name: "Visible" }))).not.toEqual([]);
});
