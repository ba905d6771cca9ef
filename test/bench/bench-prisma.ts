import { PrismaPg } from "@prisma/adapter-pg";
import { openDatabase } from "../../server/db/client.ts";
import { PrismaClient } from "../../server/db/generated/client.ts";
import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import { guardedBinding } from "../../server/permissions/guard.ts";
import type { BenchDatabase } from "./bench-database.ts";
import { measureLatency, measureThroughput, type Variant } from "./measure.ts";
import { openZenStack } from "./zenstack.ts";

const PAGE = { orderBy: [{ createdAt: "desc" as const }, { id: "desc" as const }], take: 20 };
const UNSCOPED = "unscoped Prisma";
const EXTENSION = "extension only";
const RLS = "extension + RLS prelude";
const GUARD = "extension + RLS + guard";
const ZENSTACK = "ZenStack v3, its policy plugin";
const DOCUMENTED = "Prisma's documented RLS (a transaction per query)";

/** findMany of 20 agents by each way of scoping it, interleaved in one run. */
export async function benchPrisma(database: BenchDatabase): Promise<string[]> {
  const { workspaceId, userId, sessionId, proof } = database;
  const pool = { poolSize: 16, maxOverflow: 0, poolTimeoutSeconds: 30, onError() {} };
  const app = openDatabase({ url: database.appUrl, ...pool });
  const superuser = openDatabase({ url: database.superuserUrl, ...pool });
  const names = new Map<string, string>();
  const statementNameGenerator = ({ sql }: { sql: string }) => {
    if (!names.has(sql)) names.set(sql, `n${names.size}`);
    return names.get(sql) ?? "";
  };
  const plain = new PrismaClient({
    adapter: new PrismaPg({ connectionString: database.superuserUrl, max: 16 }, { schema: "parlant", statementNameGenerator }),
  });
  const plainApp = new PrismaClient({
    adapter: new PrismaPg({ connectionString: database.appUrl, max: 16 }, { schema: "parlant", statementNameGenerator }),
  });
  const free = { workspaceId, prelude: { name: "nothing", text: "select 1", values: [] } };
  const system = {
    workspaceId,
    prelude: { name: "system", text: "select parlant.parlant_enter_system($1, $2)", values: [workspaceId, "bench"] },
  };
  const guard = guardedBinding({ principal: { kind: "session", userId, sessionId }, proof }, workspaceId, "write", CURRENT_SIM);
  const extensionOnly = superuser.openWorkspace(free);
  const withRls = app.openWorkspace(system);
  const withGuard = app.openWorkspace(guard);
  const zenStack = openZenStack(database.superuserUrl, workspaceId);
  const variants: Variant[] = [
    { name: UNSCOPED, run: () => plain.agent.findMany({ where: { workspaceId, deletedAt: null }, ...PAGE }) },
    { name: EXTENSION, run: () => extensionOnly.agent.findMany({ where: { deletedAt: null }, ...PAGE }) },
    { name: RLS, run: () => withRls.agent.findMany({ where: { deletedAt: null }, ...PAGE }) },
    { name: GUARD, run: () => withGuard.agent.findMany({ where: { deletedAt: null }, ...PAGE }) },
    { name: ZENSTACK, run: () => zenStack.findMany({ where: { deletedAt: null }, ...PAGE }) },
    {
      name: DOCUMENTED,
      run: () =>
        plainApp.$transaction([
          plainApp.$executeRaw`select set_config('app.workspace_id', ${workspaceId}, true)`,
          plainApp.agent.findMany({ where: { deletedAt: null }, ...PAGE }),
        ]),
    },
  ];
  try {
    for (const { name, run } of variants) {
      const rows = (await run()) as unknown[];
      if (rows.flat().length < PAGE.take) throw new Error(`${name} read ${rows.flat().length} rows`);
    }
    const latencies = await measureLatency(variants, 1_000);
    const throughput = await measureThroughput(variants, { concurrency: 16, calls: 2_000, turns: 3 });
    const base = latencies[0]?.p50Us ?? Number.NaN;
    const baseThroughput = throughput.get(UNSCOPED) ?? Number.NaN;
    return [
      "| findMany of 20 agents | p50 us | p95 us | p50 ratio | calls/s at 16 | ratio |",
      "|---|---|---|---|---|---|",
      ...latencies.map(({ name, p50Us, p95Us }) => {
        const perSecond = throughput.get(name) ?? Number.NaN;
        return `| ${name} | ${p50Us.toFixed(0)} | ${p95Us.toFixed(0)} | ${(p50Us / base).toFixed(2)} | ${perSecond.toFixed(0)} | ${(perSecond / baseThroughput).toFixed(2)} |`;
      }),
    ];
  } finally {
    await Promise.all([app.close(), superuser.close(), plain.$disconnect(), plainApp.$disconnect(), zenStack.close()]);
  }
}
