import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import pg from "pg";
import type { BenchDatabase } from "./bench-database.ts";
import { type Latency, measureLatency, type Variant } from "./measure.ts";
import { withMeasuredServer } from "./measured-server.ts";

const ROUNDS = 3_000;
/** The bench's user has permission in every 97th workspace; those up to this one after the first are closed to it. */
const CLOSED_WORKSPACES = 90;

/** How long a refusal takes over HTTP where what is named is another's, against where it is nobody's. */
export async function benchRefusals(database: BenchDatabase): Promise<string[]> {
  const { workspaceId, bearer } = database;
  const theirs = await agentsElsewhere(database);
  return withMeasuredServer(database, async ({ app }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const get = (path: string) => refused(agent, `http://127.0.0.1:${app}/api/v1/workspaces/${path}`, bearer);
    const pairs: [string, Variant, Variant][] = [
      [
        "workspace, agents.list",
        { name: "absent workspace", run: () => get(`nobodys-${anyOf(CLOSED_WORKSPACES) + 2}/agents`) },
        { name: "closed workspace", run: () => get(`workspace-${anyOf(CLOSED_WORKSPACES) + 2}/agents`) },
      ],
      [
        "agent, agents.get",
        { name: "absent agent", run: () => get(`${workspaceId}/agents/${randomUUID()}`) },
        { name: "another's agent", run: () => get(`${workspaceId}/agents/${theirs[anyOf(theirs.length)]}`) },
      ],
    ];
    try {
      const lines: string[] = [];
      for (const [what, absent, foreign] of pairs) {
        const [nobodys, anothers] = (await measureLatency([absent, foreign], ROUNDS)) as [Latency, Latency];
        const [absentUs, foreignUs] = [nobodys.p50Us, anothers.p50Us];
        lines.push(`| ${what} | ${absentUs.toFixed(0)} | ${foreignUs.toFixed(0)} | ${(foreignUs / absentUs).toFixed(3)} |`);
      }
      return [
        `| a 404 over HTTP, ${ROUNDS} pairs | nobody's, p50 us | another's, p50 us | ratio |`,
        "|---|---|---|---|",
        ...lines,
      ];
    } finally {
      agent.destroy();
    }
  });
}

async function agentsElsewhere({ superuserUrl, workspaceId }: BenchDatabase): Promise<string[]> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    const text = "select id from parlant.parlant_agent where workspace_id <> $1 limit 1000";
    const { rows } = await client.query<{ id: string }>(text, [workspaceId]);
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

function refused(agent: Agent, url: string, authorization: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request(url, { agent, headers: { authorization } }, (response) => {
      response.resume();
      response.on("end", () =>
        response.statusCode === 404 ? resolve() : reject(new Error(`${url} was to be refused and is ${response.statusCode}`)),
      );
    })
      .on("error", reject)
      .end();
  });
}

function anyOf(count: number): number {
  return Math.floor(Math.random() * count);
}
