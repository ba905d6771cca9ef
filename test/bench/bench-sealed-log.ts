import pg from "pg";
import { verifyExport } from "../../client-sdk/src/audit/index.ts";
import { newId } from "../../server/shared/ids.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import type { BenchDatabase } from "./bench-database.ts";

const EVENTS = 100_000;
const EVENTS_PER_INSERT = 5_000;
const SAMPLE_MS = 10;

/** Sealing, verifying and exporting a log of 100,000 events with contents of 300 bytes, and checking the export offline. */
export async function benchSealedLog(database: BenchDatabase): Promise<string[]> {
  await fillTrail(database);
  const dependencies = await createTestDependencies(database.appUrl);
  const { workspaceId } = database;
  try {
    const { audit } = callerWith(dependencies, { authorization: database.bearer }).workspaces;
    const sealed = await measured(() => dependencies.sealer.seal(workspaceId));
    const verified = await measured(() => audit.verify({ workspaceId }));
    const { valid, checkedEvents, publicKey, problems } = verified.result;
    if (!valid || checkedEvents < EVENTS) throw new Error(`The log is not valid: ${JSON.stringify(problems)}`);
    const pieces: string[] = [];
    const exported = await measured(async () => {
      for (let cursor: string | undefined | null; cursor !== null; ) {
        const piece = await audit.export({ workspaceId, ...(cursor && { cursor }) });
        pieces.push(piece.text);
        cursor = piece.nextCursor;
      }
    });
    const offline = await measured(() => verifyExport(pieces, { publicKeys: [publicKey] }));
    if (!offline.result.valid) throw new Error(`The export is not valid: ${JSON.stringify(offline.result.problems)}`);
    const megabytes = pieces.reduce((total, { length }) => total + length, 0) / 1e6;
    const row = (name: string, { seconds, cpuSeconds, growthMb }: Measured<unknown>, memory = `${growthMb.toFixed(0)} MB`) =>
      `| ${name} | ${seconds.toFixed(1)} s | ${cpuSeconds.toFixed(1)} s | ${(EVENTS / seconds).toFixed(0)} | ${memory} |`;
    return [
      `| audit log of ${EVENTS.toLocaleString("en")} events | took | CPU of the process | events/s | memory grew by |`,
      "|---|---|---|---|---|",
      row("seal", sealed),
      row("audit.verify", verified),
      // The pieces are kept here, which a server does not.
      row(`export as NDJSON, ${megabytes.toFixed(0)} MB`, exported, "-"),
      row("verifyExport offline", offline),
    ];
  } finally {
    await dependencies.close();
  }
}

async function fillTrail({ superuserUrl, workspaceId, userId }: BenchDatabase): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    await client.query(
      "update permissions set permission_type = 'admin' where user_id = $1 and entity_type = 'workspace' and entity_id = $2",
      [userId, workspaceId],
    );
    for (let done = 0; done < EVENTS; done += EVENTS_PER_INSERT) {
      const ids = Array.from({ length: EVENTS_PER_INSERT }, () => newId(Date.now()));
      await client.query(
        `insert into parlant.parlant_audit_event (workspace_id, id, occurred_at, action, outcome, rule, actor_kind, actor_id, method,
           target_kind, target_id, ip_address, request_id, before, after)
         select $1, id, now(), 'agent.update', 'success', 'agent:configure', 'session', $2, 'PATCH workspaces.agents.update',
           'agent', id::text, '127.0.0.1', id::text, decode(repeat('5a', 300), 'hex'), decode(repeat('a5', 300), 'hex')
         from unnest($3::uuid[]) as id`,
        [workspaceId, userId, ids],
      );
    }
    await client.query("vacuum analyze parlant.parlant_audit_event");
  } finally {
    await client.end();
  }
}

interface Measured<Result> {
  result: Result;
  seconds: number;
  cpuSeconds: number;
  /** By how much the process' memory grew at most. */
  growthMb: number;
}

async function measured<Result>(work: () => Promise<Result>): Promise<Measured<Result>> {
  const before = process.memoryUsage().rss;
  let highest = before;
  const sampling = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage().rss);
  }, SAMPLE_MS);
  const cpu = process.cpuUsage();
  const startedNs = process.hrtime.bigint();
  try {
    const result = await work();
    const { user, system } = process.cpuUsage(cpu);
    return {
      result,
      seconds: Number(process.hrtime.bigint() - startedNs) / 1e9,
      cpuSeconds: (user + system) / 1e6,
      growthMb: (highest - before) / 1e6,
    };
  } finally {
    clearInterval(sampling);
  }
}
