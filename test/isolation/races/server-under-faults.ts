import { expect } from "vitest";
import { createLogger } from "../../../server/shared/logger.ts";
import { connectInUtc } from "../../support/database.ts";
import type { TestServer } from "../../support/server.ts";
import { agentsUrl, type Field, json, makeField, type RequestTally, raceRequests } from "./requests.ts";

const REQUESTS = process.env["ISOLATION_FUZZ"] === "long" ? 20_000 : 700;
const WORKSPACES = 20;
const WIDTH = 200;

/**
 * 200 requests at once of many workspaces, some given up by their clients, while backends are ended and statements
 * cancelled at random: no answer names another workspace, none is an error that a client has no reason to meet, and
 * afterwards every workspace is served what is its own.
 */
export async function expectIsolationUnderFaults(server: TestServer, maxConnections: number): Promise<RequestTally> {
  const superuser = await connectInUtc(server.database.superuserUrl);
  try {
    const field = await makeField(server, WORKSPACES);
    let faults = 0;
    let last: Promise<unknown> = Promise.resolve();
    const strike = async () => {
      // As a timeout ends a statement, so does a cancellation: with the same SQLSTATE.
      const act = faults++ % 2 === 0 ? "pg_terminate_backend" : "pg_cancel_backend";
      last = last.then(() =>
        superuser.query(
          `select ${act}(pid) from pg_stat_activity
           where datname = current_database() and application_name = 'sim-parlant-server' order by random() limit 1`,
        ),
      );
      await last;
    };
    const tally = await raceRequests(server, field, {
      requests: REQUESTS,
      width: WIDTH,
      abortEvery: 11,
      fault: { every: 23, strike },
    });
    expect(tally).toMatchObject({ crossed: 0, lacking: 0, unexpected: [] });
    expect(faults).toBeGreaterThan(REQUESTS / 25);
    expect(tally.answers["aborted"]).toBeGreaterThan(0);
    // Most of them are served in spite of it all.
    expect((tally.answers["200"] ?? 0) + (tally.answers["201"] ?? 0)).toBeGreaterThan(REQUESTS / 3);
    await expectHealed(server, field, maxConnections);
    return tally;
  } finally {
    await superuser.end();
  }
}

/** The faults are made by the test, so what the server says of each is no news. */
export function unlogged(services: TestServer["dependencies"]["services"]): TestServer["dependencies"]["services"] {
  return { ...services, log: createLogger("silent") };
}

/** Every workspace is served its own, every row lies where it was written, and every connection is idle. */
async function expectHealed(server: TestServer, { contestants }: Field, maxConnections: number): Promise<void> {
  const superuser = await connectInUtc(server.database.superuserUrl);
  try {
    // A connection that was ended while idle is found out by the call that meets it.
    await expect
      .poll(async () => {
        const answers = contestants.map(({ id, apiKey }) => fetch(agentsUrl(server, id), json(apiKey, "GET")));
        return (await Promise.all(answers)).filter(({ status }) => status !== 200).length;
      })
      .toBe(0);
    for (const { id, apiKey } of contestants) {
      const answer = await fetch(`${agentsUrl(server, id)}?limit=100`, json(apiKey, "GET"));
      const { data } = (await answer.json()) as { data: { name: string; workspaceId: string; description: string }[] };
      expect(data.length).toBeGreaterThanOrEqual(3);
      for (const agent of data) {
        expect(agent).toMatchObject({ workspaceId: id, description: id });
        expect(agent.name.split(" ")[0]).toBe(id);
      }
    }
    const { rows: strays } = await superuser.query(
      "select workspace_id, name from parlant.parlant_agent where description <> workspace_id or split_part(name, ' ', 1) <> workspace_id",
    );
    expect(strays).toEqual([]);
    expect(server.dependencies.database.pool().waiting).toBe(0);
    const readStates = async () => {
      const { rows } = await superuser.query<{ state: string }>(
        "select state from pg_stat_activity where datname = current_database() and application_name = 'sim-parlant-server'",
      );
      return rows.map(({ state }) => state);
    };
    await expect.poll(async () => (await readStates()).filter((state) => state !== "idle")).toEqual([]);
    expect((await readStates()).length).toBeLessThanOrEqual(maxConnections);
  } finally {
    await superuser.end();
  }
}
