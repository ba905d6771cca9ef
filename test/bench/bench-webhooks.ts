import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import pg from "pg";
import { sign } from "../../client-sdk/src/webhooks/index.ts";
import type { BenchDatabase } from "./bench-database.ts";

const SECRET = "webhook-secret-of-the-tests-0123456789abcd";
const DELIVERIES = 10_000;
const WORKSPACES = 100;
const SENDERS = 4;
const TYPES = [
  "workspace_created",
  "workspace_updated",
  "workspace_permissions_updated",
  "workspace_member_added",
  "workspace_member_removed",
  "workspace_restored",
];

/** How long Sim waits for 202, how fast what it told is carried out, and what memory that takes. */
export async function benchWebhooks(database: BenchDatabase): Promise<string[]> {
  const child = fork(new URL("webhook-server.ts", import.meta.url), [database.appUrl], {
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const db = new pg.Client(database.superuserUrl);
  await db.connect();
  const ask = async (message: string): Promise<number> => {
    const answer = once(child, "message");
    child.send(message);
    return Number((await answer)[0]);
  };
  try {
    const [port] = await once(child, "message");
    const url = `http://127.0.0.1:${port}/api/v1/sim-integration/webhooks/workspace-events`;
    await sendAll(url, 200, 1);
    const alone = await sendAll(url, 500, 1);
    const memory = [await ask("memory")];
    const together = await sendAll(url, DELIVERIES - 700, SENDERS);
    memory.push(await ask("memory"));
    const startedNs = performance.now();
    await ask("start");
    await untilDone(db);
    const drainedMs = performance.now() - startedNs;
    memory.push(await ask("memory"));
    const mib = (bytes: number | undefined) => `${Math.round((bytes ?? 0) / 1_048_576)} MiB`;
    return [
      "| webhooks | |",
      "|---|---|",
      `| 202 for one sender, p50 / p99 | ${at(alone, 0.5)} / ${at(alone, 0.99)} ms |`,
      `| 202 for ${SENDERS} senders at once, p50 / p99 | ${at(together, 0.5)} / ${at(together, 0.99)} ms |`,
      `| ${DELIVERIES} events of ${WORKSPACES} workspaces carried out | ${Math.round((DELIVERIES / drainedMs) * 1_000)}/s |`,
      `| resident memory before, after ${DELIVERIES} accepted, after carried out | ${memory.map(mib).join(", ")} |`,
    ];
  } finally {
    await db.end();
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}

/** Milliseconds of each, sorted. */
async function sendAll(url: string, count: number, senders: number): Promise<number[]> {
  const tookMs: number[] = [];
  let left = count;
  const send = async () => {
    while (left-- > 0) {
      const body = JSON.stringify({
        event_type: TYPES[left % TYPES.length],
        workspace_id: `workspace-${(left % WORKSPACES) + 1}`,
        triggered_by: "user-1",
        timestamp: new Date().toISOString(),
        data: { user_id: "user-2" },
      });
      const headers = await sign(body, { secrets: [SECRET], id: randomUUID(), now: Date.now() });
      const startedMs = performance.now();
      const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
      await answer.arrayBuffer();
      tookMs.push(performance.now() - startedMs);
      if (answer.status !== 202) throw new Error(`A webhook was answered with ${answer.status}`);
    }
  };
  await Promise.all(Array.from({ length: senders }, send));
  return tookMs.sort((one, other) => one - other);
}

async function untilDone(db: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await db.query<{ open: boolean }>(
      "SELECT EXISTS (SELECT FROM parlant.parlant_webhook_delivery WHERE status <> 'done') AS open",
    );
    if (!rows[0]?.open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(1);
}
