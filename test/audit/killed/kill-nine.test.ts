import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readTrail } from "../../support/audit-trail.ts";
import { withConnection } from "../../support/connection.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../../support/workspace.ts";

const KILLS = process.env["AUDIT_KILLS"] === "long" ? 50 : 3;
const CLIENTS = 6;

let database: TestDatabase;
let workspace: TestWorkspace;
let dataDir: string;
let child: ChildProcess | undefined;
beforeEach(async () => {
  database = await createTestDatabase();
  workspace = await makeStaffedWorkspace(database.owner);
  dataDir = await mkdtemp(join(tmpdir(), "parlant-killed-"));
});
afterEach(async () => {
  await kill();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(kind: "disk" | "memory"): Promise<string> {
  child = fork(new URL("server.ts", import.meta.url), [database.appUrl, dataDir, kind]);
  const ended = once(child, "exit").then(() => {
    throw new Error("The server ended before it listened");
  });
  const [port] = (await Promise.race([once(child, "message"), ended])) as [number];
  ended.catch(() => {});
  return `http://127.0.0.1:${port}/api/v1/workspaces/${workspace.id}/agents`;
}

async function kill(): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** What clients were told: the agents that were made, the requests that read, and how often they were refused. */
interface Acknowledged {
  agentIds: string[];
  reads: string[];
  refusals: number;
}

/** Clients call one after the other until the server is gone. */
async function callUntilGone(url: string, name: string, acknowledged: Acknowledged): Promise<void> {
  const headers = { ...workspace.admin.headers, "content-type": "application/json" };
  try {
    for (let count = 0; ; count++) {
      const created = await fetch(url, { method: "POST", headers, body: JSON.stringify({ name: `${name}-${count}` }) });
      const { id } = (await created.json()) as { id: string };
      if (created.status === 201) acknowledged.agentIds.push(id);
      for (let read = 0; read < 4; read++) {
        const requestId = `${name}-${count}-${read}`;
        const answer = await fetch(`${url}/${id}`, { headers: { ...workspace.admin.headers, "x-request-id": requestId } });
        await answer.text();
        if (answer.status === 200) acknowledged.reads.push(requestId);
      }
      const refused = await fetch(`${url}/${id}`, { method: "DELETE", headers: workspace.reader.headers });
      if (refused.status === 403) acknowledged.refusals++;
    }
  } catch {
    // The server is gone: what it did not acknowledge, nobody counts on.
  }
}

async function killUnderLoad(kind: "disk" | "memory", acknowledged: Acknowledged, round: number): Promise<void> {
  const url = await start(kind);
  const clients = Array.from({ length: CLIENTS }, (_, client) => callUntilGone(url, `r${round}c${client}`, acknowledged));
  const enough = acknowledged.reads.length + 20;
  // Load first, then a moment of chance.
  while (acknowledged.reads.length < enough) await delay(5);
  await delay(Math.random() * 400);
  await kill();
  await Promise.all(clients);
}

const query = <Row extends object>(text: string): Promise<Row[]> =>
  withConnection(database.superuserUrl, async (admin) => (await admin.query<Row>(text)).rows);

/** The acknowledged reads of which no decision is there. */
async function missingReads({ reads }: Acknowledged): Promise<string[]> {
  const rows = await query<{ request_id: string }>("select request_id from parlant.parlant_authz_decision");
  const kept = new Set(rows.map(({ request_id }) => request_id));
  return reads.filter((read) => !kept.has(read));
}

/** How many refusals the trail has, where like ones are one event with a count. */
async function recordedRefusals(): Promise<number> {
  const trail = await readTrail(database, workspace.id);
  const denied = trail.filter(({ outcome, action }) => outcome === "denied" && action === "agent.delete");
  return denied.reduce((total, { after }) => total + ((after as { attempts: number } | null)?.attempts ?? 1), 0);
}

test(`after ${KILLS} kills under load every acknowledged change and refusal has its event, and every acknowledged read its decision`, {
  timeout: 600_000,
}, async () => {
  const acknowledged: Acknowledged = { agentIds: [], reads: [], refusals: 0 };
  for (let round = 0; round < KILLS; round++) await killUnderLoad("disk", acknowledged, round);
  await start("disk");
  await expect.poll(() => missingReads(acknowledged), { timeout: 20_000 }).toEqual([]);
  await expect.poll(recordedRefusals, { timeout: 20_000 }).toBeGreaterThanOrEqual(acknowledged.refusals);
  // Those that were on their way to a client when the server was killed are there too, and none twice.
  expect(await recordedRefusals()).toBeLessThanOrEqual(acknowledged.refusals + KILLS * CLIENTS);
  const decisions = await query("select request_id from parlant.parlant_authz_decision group by request_id having count(*) > 1");
  expect(decisions).toEqual([]);
  const made = await query<{ id: string }>("select id from parlant.parlant_agent");
  const events = await query<{ id: string }>(
    "select target_id as id from parlant.parlant_audit_event where action = 'agent.create'",
  );
  expect(events.map(({ id }) => id).sort()).toEqual(made.map(({ id }) => id).sort());
  const known = new Set(made.map(({ id }) => id));
  expect(acknowledged.agentIds.filter((id) => !known.has(id))).toEqual([]);
  console.log(
    `${KILLS} kills: ${acknowledged.agentIds.length} changes, ${acknowledged.refusals} refusals and ${acknowledged.reads.length} reads acknowledged, none lost`,
  );
});

test("control: decisions and denials that are spooled in memory are lost with the process", { timeout: 120_000 }, async () => {
  const acknowledged: Acknowledged = { agentIds: [], reads: [], refusals: 0 };
  const isAnyLost = async () =>
    (await missingReads(acknowledged)).length > 0 && (await recordedRefusals()) < acknowledged.refusals;
  for (let round = 0; round < 8 && !(await isAnyLost()); round++) await killUnderLoad("memory", acknowledged, round);
  expect(await isAnyLost()).toBe(true);
});
