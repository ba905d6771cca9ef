import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
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

/** What clients were told: the agents that were made, and the requests that read. */
interface Acknowledged {
  agentIds: string[];
  reads: string[];
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

test(`after ${KILLS} kills under load every acknowledged change has its event, and every acknowledged read its decision`, {
  timeout: 600_000,
}, async () => {
  const acknowledged: Acknowledged = { agentIds: [], reads: [] };
  for (let round = 0; round < KILLS; round++) await killUnderLoad("disk", acknowledged, round);
  await start("disk");
  await expect.poll(() => missingReads(acknowledged), { timeout: 20_000 }).toEqual([]);
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
    `${KILLS} kills: ${acknowledged.agentIds.length} changes and ${acknowledged.reads.length} reads acknowledged, none lost`,
  );
});

test("control: decisions that are spooled in memory are lost with the process", { timeout: 120_000 }, async () => {
  const acknowledged: Acknowledged = { agentIds: [], reads: [] };
  for (let round = 0; round < 5 && (await missingReads(acknowledged)).length === 0; round++) {
    await killUnderLoad("memory", acknowledged, round);
  }
  expect((await missingReads(acknowledged)).length).toBeGreaterThan(0);
});
