import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDecisionLog, type Decision, type DecisionLog } from "../../server/audit/decision-log.ts";
import { openSpool } from "../../server/audit/spool.ts";
import type { WorkspaceDb, WorkspaceTransaction } from "../../server/db/workspace-db.ts";
import { createDependencies, type Dependencies } from "../../server/dependencies.ts";
import { createLogger } from "../../server/shared/logger.ts";
import { callerWith, testEnv } from "../support/services.ts";
import type { BenchDatabase } from "./bench-database.ts";
import { measureLatency } from "./measure.ts";

const DECISIONS = 20_000;

/** Creates and lists through the whole ladder, with the audit trail and without, and how fast decisions are spooled and written. */
export async function benchAudit(database: BenchDatabase): Promise<string[]> {
  const dataDir = await mkdtemp(join(tmpdir(), "parlant-bench-audit-"));
  const log = createLogger("error");
  const dependencies = await createDependencies(testEnv(database.appUrl, { PARLANT_DATA_DIR: dataDir }), log);
  try {
    const { workspaceId, bearer } = database;
    let count = 0;
    const callsOf = (name: string, of: Dependencies) => {
      const { agents } = callerWith(of, { authorization: bearer }).workspaces;
      return [
        { name: `create, ${name}`, run: () => agents.create({ workspaceId, name: `Bench ${name} ${count++}` }) },
        { name: `list of 20, ${name}`, run: () => agents.list({ workspaceId, limit: 20 }) },
      ];
    };
    const latencies = await measureLatency(
      [...callsOf("unaudited", withoutAudit(dependencies)), ...callsOf("audited", dependencies)],
      500,
    );
    const p50Of = (name: string) => latencies.find((latency) => latency.name === name)?.p50Us ?? Number.NaN;
    return [
      "| through the ladder, in process | p50 us | p95 us | p50 ratio |",
      "|---|---|---|---|",
      ...latencies.map(({ name, p50Us, p95Us }) => {
        const base = p50Of(name.replace(/, .*/, ", unaudited"));
        return `| ${name} | ${p50Us.toFixed(0)} | ${p95Us.toFixed(0)} | ${(p50Us / base).toFixed(2)} |`;
      }),
      "",
      ...(await measureDecisions(dependencies, join(dataDir, "measured"), workspaceId)),
    ];
  } finally {
    await dependencies.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measureDecisions({ database, services }: Dependencies, directory: string, workspaceId: string): Promise<string[]> {
  const spool = openSpool({ directory, maxBytes: 1e9, rotateBytes: 4 * 1024 * 1024 });
  const { clock, log } = services;
  const decisions = createDecisionLog({ spool, insert: database.insertDecisions, policy: "required", clock, log });
  const decision: Decision = {
    ...{ workspaceId, principalKind: "session", principalId: "user-1", procedure: "workspaces.agents.list", agentId: null },
    ...{ source: "cache", requestId: "01890000-0000-7000-8000-000000000001", latencyUs: 1_000 },
  };
  const spooledNs = await timed(async () => {
    for (let count = 0; count < DECISIONS; count++) decisions.record(decision);
  });
  const flushedNs = await timed(() => decisions.flush());
  await decisions.close();
  return [
    "| decisions | rows/s |",
    "|---|---|",
    `| spooled to the local disk, one by one | ${((DECISIONS / spooledNs) * 1e9).toFixed(0)} |`,
    `| written to the database, in batches | ${((DECISIONS / flushedNs) * 1e9).toFixed(0)} |`,
  ];
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedNs = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - startedNs);
}

/** The same server, whose trail and decisions go nowhere. */
function withoutAudit(dependencies: Dependencies): Dependencies {
  const { services } = dependencies;
  const decisions: DecisionLog = { ...services.audit.decisions, record() {} };
  return {
    ...dependencies,
    services: {
      ...services,
      audit: { ...services.audit, decisions },
      async resolveAccess(...args) {
        const access = await services.resolveAccess(...args);
        return { ...access, db: withoutTrail(access.db) };
      },
    },
  };
}

function withoutTrail(db: WorkspaceDb): WorkspaceDb {
  const createMany = async () => ({ count: 0 });
  return {
    ...db,
    transaction: (work) =>
      db.transaction((tx) => work({ ...tx, auditEvent: { ...tx.auditEvent, createMany } } as WorkspaceTransaction)),
  };
}
