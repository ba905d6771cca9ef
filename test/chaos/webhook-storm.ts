import { randomUUID } from "node:crypto";
import { sign } from "../../client-sdk/src/webhooks/index.ts";
import { newId } from "../../server/shared/ids.ts";
import { withConnection } from "../support/connection.ts";
import { makeUser, type TestDatabase } from "../support/database.ts";
import { type MortalServer, startMortal } from "./webhook-fleet.ts";
import type { Outcome, SentDelivery } from "./webhook-history.ts";

const SECRET = "webhook-secret-of-the-tests-0123456789abcd";
const SENDERS = 8;
const EVENTS = [
  "workspace_created",
  "workspace_updated",
  "workspace_member_removed",
  "workspace_restored",
  "workspace_member_added",
];

export interface Storm {
  deliveries: number;
  how: "together" | "apart";
  /** A server is killed so many milliseconds after the one before answers again. */
  killEveryMs: number;
}

/** Sends all, under kills, and resolves to what was recorded and to what came of it once the queue is empty. */
export async function runStorm(database: TestDatabase, { deliveries, how, killEveryMs }: Storm) {
  const workspaceIds = await fill(database, Math.ceil(deliveries / EVENTS.length));
  const genuine = workspaceIds.genuine.flatMap((workspaceId) => EVENTS.map((type) => newDelivery(workspaceId, type, false)));
  const forged = [...workspaceIds.forged, ...workspaceIds.genuine.slice(0, 20)].map((id) =>
    newDelivery(id, "workspace_deleted", true),
  );
  const servers = [await startMortal(database.appUrl, how), await startMortal(database.appUrl, how)];
  const chaos = startChaos(database, servers, killEveryMs);
  const queue = shuffled([...genuine, ...forged]);
  const startedMs = Date.now();
  try {
    await Promise.all(Array.from({ length: SENDERS }, () => sendAll(queue, servers)));
  } finally {
    await chaos.stop();
  }
  const sentMs = Date.now() - startedMs;
  await untilQuiet(database);
  const outcome = await readOutcome(database);
  await Promise.all(servers.map((server) => server.stop()));
  return {
    history: [...genuine, ...forged].map(({ sent }) => sent),
    outcome,
    kills: chaos.kills(),
    sentMs,
    drainedMs: Date.now() - startedMs,
  };
}

interface PlannedDelivery {
  sent: SentDelivery;
  body: string;
}

function newDelivery(workspaceId: string, type: string, isForged: boolean): PlannedDelivery {
  const body = JSON.stringify({
    event_type: type,
    workspace_id: workspaceId,
    triggered_by: "someone",
    timestamp: new Date().toISOString(),
    data: type.startsWith("workspace_member") ? { user_id: "stranger" } : {},
  });
  return { sent: { workspaceId, id: randomUUID(), isForged, answers: [] }, body };
}

/** Takes from the end of the queue until nothing is left. What was not answered is sent again; of what was, every third too. */
async function sendAll(queue: PlannedDelivery[], servers: readonly MortalServer[]): Promise<void> {
  for (let delivery = queue.pop(); delivery; delivery = queue.pop()) {
    const { sent, body } = delivery;
    const repeats = Math.random() < 1 / 3 ? 2 : 1;
    for (let answered = 0; answered < repeats; ) {
      const status = await post(servers, sent, body);
      sent.answers.push(status);
      if (status === 202 || status === 401) answered++;
      else await new Promise((resolve) => setTimeout(resolve, 50 * Math.random()));
    }
  }
}

async function post(servers: readonly MortalServer[], { id, isForged }: SentDelivery, body: string): Promise<number> {
  const url = servers[Math.floor(Math.random() * servers.length)]?.url();
  if (url === undefined) return 0;
  const secret = isForged ? "a-secret-that-is-not-the-servers-0123456789" : SECRET;
  try {
    const answer = await fetch(`${url}/api/v1/sim-integration/webhooks/workspace-events`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(await sign(body, { secrets: [secret], id, now: Date.now() })) },
      body,
      signal: AbortSignal.timeout(15_000),
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0; // the server was killed, which is recorded as no answer
  }
}

/** Kills one server after the other, and half of the servers' backends in between. */
function startChaos(database: TestDatabase, servers: readonly MortalServer[], everyMs: number) {
  let isOver = false;
  let kills = 0;
  const pause = () => new Promise((resolve) => setTimeout(resolve, everyMs / 2));
  const running = (async () => {
    for (let turn = 0; !isOver; turn++) {
      await pause();
      if (isOver) return;
      await servers[turn % servers.length]?.kill();
      kills++;
      await pause();
      await withConnection(database.superuserUrl, (admin) =>
        admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name LIKE 'sim-parlant%' AND random() < 0.5`,
        ),
      );
    }
  })();
  return {
    kills: () => kills,
    async stop() {
      isOver = true;
      await running;
    },
  };
}

/** Workspaces of Sim's, each with an agent on which somebody has a grant who has no permission in the workspace. */
async function fill(database: TestDatabase, count: number): Promise<{ genuine: string[]; forged: string[] }> {
  const { id: ownerId } = await makeUser(database.owner);
  const genuine = Array.from({ length: count }, () => randomUUID());
  const forged = Array.from({ length: Math.ceil(count / 10) }, () => randomUUID());
  const ids = [...genuine, ...forged];
  await withConnection(database.superuserUrl, async (admin) => {
    await admin.query(
      `INSERT INTO workspace (id, name, owner_id, billed_account_user_id) SELECT id, 'Storm', $2, $2 FROM unnest($1::text[]) AS id`,
      [ids, ownerId],
    );
    await admin.query(
      `INSERT INTO parlant.parlant_agent (workspace_id, id, name, name_key, boundary, boundary_key_version, created_at, updated_at)
       SELECT workspace_id, id::uuid, 'Scout', 'scout', '', 1, now(), now() FROM unnest($1::text[], $2::text[]) AS row (workspace_id, id)`,
      [ids, ids.map(() => newId(Date.now()))],
    );
    await admin.query(
      `INSERT INTO parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, created_at, updated_at)
       SELECT workspace_id, id, 'stranger', 'view', now(), now() FROM parlant.parlant_agent`,
    );
  });
  return { genuine, forged };
}

/**
 * Nothing waits or runs any more. What waits for its next attempt, which after many kills is minutes away, need not wait:
 * a job that is there is made at once, and one that is not there is what the outcome then lacks.
 */
async function untilQuiet(database: TestDatabase): Promise<void> {
  const deadlineMs = Date.now() + 180_000;
  for (;;) {
    await database.owner.query("UPDATE parlant.job SET start_after = now() WHERE state = 'retry' AND start_after > now()");
    const { rows } = await database.owner.query<{ state: string; jobs: number }>(
      `SELECT state::text, count(*)::integer AS jobs FROM parlant.job WHERE name LIKE 'webhook%' AND state < 'completed' GROUP BY 1`,
    );
    if (rows.length === 0) return;
    if (Date.now() > deadlineMs) throw new Error(`Jobs are left that nobody does: ${JSON.stringify(rows)}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function readOutcome(database: TestDatabase): Promise<Outcome> {
  return withConnection(database.superuserUrl, async (admin) => {
    const deliveries = await admin.query(
      `SELECT workspace_id AS "workspaceId", id, status::text FROM parlant.parlant_webhook_delivery`,
    );
    const actions = await admin.query(
      `SELECT workspace_id AS "workspaceId", action, count(*)::integer AS times FROM parlant.parlant_audit_event GROUP BY 1, 2`,
    );
    const grants = await admin.query<{ id: string }>("SELECT workspace_id AS id FROM parlant.parlant_agent_grant");
    return { deliveries: deliveries.rows, actions: actions.rows, grantsLeft: grants.rows.map(({ id }) => id) };
  });
}

function shuffled<Item>(items: Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
