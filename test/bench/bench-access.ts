import { createMongoAbility } from "@casl/ability";
import { createAccessControl } from "better-auth/plugins/access";
import { newEnforcer, newModelFromString } from "casbin";
import { openDatabase } from "../../server/db/client.ts";
import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";
import { ContextCache } from "../../server/permissions/context-cache.ts";
import { agentLevel, levelRule, levelSatisfies, permissionSatisfies } from "../../server/permissions/levels.ts";
import { loadPermission } from "../../server/permissions/load-permission.ts";
import type { Proven } from "../../server/permissions/principal-map.ts";
import type { BenchDatabase } from "./bench-database.ts";
import { measureLatency } from "./measure.ts";

const SAMPLES = 300;

/** A check that is made without waiting. */
interface SyncVariant {
  name: string;
  /** Calls per sample, so that a sample is long against the clock's step. */
  calls: number;
  check(index: number): boolean;
}

/** A decision that is remembered, beside what others' checks in memory cost; and one that is read, beside an empty statement. */
export async function benchAccess(database: BenchDatabase): Promise<string[]> {
  return [...(await benchDecisions()), "", ...(await benchColdContext(database))];
}

async function benchDecisions(): Promise<string[]> {
  const rule = levelRule({ permission: "write", userId: "user 1", keyId: null });
  const agent = { visibility: "workspace", createdBy: "user 2", createdByKeyId: null } as const;
  const grant = { level: "view", expiresAt: new Date(Date.now() + 3_600_000) } as const;
  const nowMs = Date.now();
  const role = createAccessControl({ agent: ["read", "update", "delete"] }).newRole({ agent: ["read", "update"] });
  const ability = createMongoAbility([
    { action: "read", subject: "Agent" },
    { action: "update", subject: "Agent" },
  ]);
  const enforcer = await newEnforcer(
    newModelFromString(`[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub, r.dom) && r.dom == p.dom && r.obj == p.obj && r.act == p.act`),
  );
  for (let index = 0; index < 10; index++) {
    await enforcer.addPolicy("writer", `workspace ${index}`, "agent", "update");
    await enforcer.addGroupingPolicy(`user ${index}`, "writer", `workspace ${index}`);
  }
  const variants: SyncVariant[] = [
    remembered(1_000),
    remembered(10_000),
    {
      name: "level on an agent, with a grant",
      calls: 2_000,
      check: () => levelSatisfies(agentLevel(rule, agent, grant, nowMs), "view"),
    },
    {
      name: "better-auth: a role's check, nothing looked up",
      calls: 2_000,
      check: () => role.authorize({ agent: ["update"] }).success,
    },
    { name: "CASL: an ability that is built already", calls: 500, check: () => ability.can("update", "Agent") },
    {
      name: "casbin: 10 policies and 10 roles, synchronous",
      calls: 20,
      check: (index) => enforcer.enforceSync(`user ${index % 10}`, `workspace ${index % 10}`, "agent", "update"),
    },
  ];
  return [
    "| decision in memory | p50 ns | p95 ns |",
    "|---|---|---|",
    ...measureSync(variants).map(({ name, p50, p95 }) => `| ${name} | ${p50.toFixed(0)} | ${p95.toFixed(0)} |`),
  ];
}

/** A look at one of so many entries, in an order that no processor's cache foresees. */
function remembered(entries: number): SyncVariant {
  const contexts = new ContextCache({ ttlMs: 3_600_000 });
  const asked = Array.from({ length: entries }, (_, index): [Proven, string] => [
    { principal: { kind: "session", userId: `user ${index}`, sessionId: `session ${index}` }, proof: `proof ${index}` },
    `workspace ${index % 500}`,
  ]);
  for (const [caller, workspaceId] of asked) {
    contexts.keep(caller, { workspaceId, permission: "write", db: {} as WorkspaceDb, decidedAtMs: 0 });
  }
  return {
    name: `remembered permission in a workspace, one of ${entries}`,
    calls: 20_000,
    check(index) {
      const [caller, workspaceId] = asked[(index * 7_919) % entries] as [Proven, string];
      return permissionSatisfies(contexts.find(caller, workspaceId)?.permission ?? null, "write");
    },
  };
}

/** Nanoseconds per call of variants that take turns sample by sample. */
function measureSync(variants: readonly SyncVariant[]): { name: string; p50: number; p95: number }[] {
  const samples = new Map(variants.map(({ name }) => [name, [] as number[]]));
  for (let sample = -30; sample < SAMPLES; sample++) {
    for (const { name, calls, check } of variants) {
      let allowed = 0;
      const startedNs = process.hrtime.bigint();
      for (let index = 0; index < calls; index++) if (check(index)) allowed += 1;
      const perCall = Number(process.hrtime.bigint() - startedNs) / calls;
      if (allowed !== calls) throw new Error(`${name}: ${calls - allowed} of ${calls} checks were denied`);
      if (sample >= 0) samples.get(name)?.push(perCall);
    }
  }
  return variants.map(({ name }) => {
    const sorted = (samples.get(name) ?? []).sort((one, other) => one - other);
    return {
      name,
      p50: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
      p95: sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN,
    };
  });
}

async function benchColdContext({ appUrl, sessionId, userId, proof, workspaceId }: BenchDatabase): Promise<string[]> {
  const app = openDatabase({ url: appUrl, poolSize: 2, maxOverflow: 0, poolTimeoutSeconds: 30, onError() {} });
  const caller: Proven = { principal: { kind: "session", userId, sessionId }, proof };
  try {
    const latencies = await measureLatency(
      [
        { name: "an empty statement", run: () => app.sim.query({ name: "nothing", text: "select 1", values: [] }) },
        {
          name: "the whole context, 200,000 permission rows",
          run: () => loadPermission(app.sim, CURRENT_SIM, caller, workspaceId),
        },
      ],
      2_000,
    );
    return [
      "| cold decision, one statement | p50 us | p95 us |",
      "|---|---|---|",
      ...latencies.map(({ name, p50Us, p95Us }) => `| ${name} | ${p50Us.toFixed(0)} | ${p95Us.toFixed(0)} |`),
    ];
  } finally {
    await app.close();
  }
}
