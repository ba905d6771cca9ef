import type { FastifyInstance } from "fastify";
import pino from "pino";
import { type AppOptions, createApp } from "../../server/app.ts";
import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import { systemClock } from "../../server/shared/clock.ts";
import type { Services } from "../../server/trpc/context.ts";

export const ALLOWED_ORIGIN = "https://sim.example.com";

export interface LogLine {
  level: string;
  msg: string;
  [field: string]: unknown;
}

/** An app, and what it has logged. */
export interface AppUnderTest {
  app: FastifyInstance;
  log: LogLine[];
}

export async function startApp(options: Partial<AppOptions> = {}): Promise<AppUnderTest> {
  const log: LogLine[] = [];
  const destination = { write: (line: string) => log.push(JSON.parse(line) as LogLine) };
  const app = await createApp({
    services: servicesWithoutDatabase(),
    basePath: "",
    allowedOrigins: new Set([ALLOWED_ORIGIN]),
    trustedProxies: [],
    rateLimitPerMinute: 0,
    checkReadiness: async () => ({ ready: true, checks: { database: "ok" } }),
    log: pino({ base: null, formatters: { level: (label) => ({ level: label }) } }, destination),
    ...options,
  });
  return { app, log };
}

/** Services that know nobody: whatever needs a database fails, as a defect would. */
export function servicesWithoutDatabase(overrides: Partial<Services> = {}): Services {
  const unexpected = () => Promise.reject(new Error('relation "secret_table" does not exist'));
  const unexpectedly = () => {
    throw new Error("Nobody is known who could follow a session");
  };
  const lifecycle = {
    openWorkspace() {
      throw new Error("There is no database");
    },
    workspaceKeys: { find: unexpected, renew: unexpected, forget: () => 0 },
    ...{ publish: unexpected, clock: { now: () => Date.now() }, log: pino({ level: "silent" }) },
  };
  return {
    findCaller: async () => null,
    exchangeToken: unexpected,
    resolveAccess: unexpected,
    findAdministered: unexpected,
    forget: () => 0,
    validateIntegration: unexpected,
    hints: {
      publish: unexpected,
      announce() {},
      subscribe: () => () => {},
      start: async () => {},
      state: () => ({ state: "idle", losses: 0, malformed: 0 }),
      close: async () => {},
    },
    sessionWakes: { listen: () => () => {}, isClosing: () => false, close() {} },
    eventHub: { admit: unexpectedly, follow: unexpectedly, decideAll: unexpected, size: () => 0, close() {} },
    workspaceKeys: { find: unexpected, renew: unexpected, forget: () => 0 },
    violations: {
      report() {},
      total: () => 0,
      suspects: () => [],
      isRecordMissing: () => false,
      settled: async () => {},
      close: async () => {},
    },
    isolation: { health: unexpected, allowsPersonalApiKeys: unexpected },
    auditLogSeal: {
      keys: {
        signing: { publicKey: new Uint8Array(32), sign: unexpected },
        of: () => [],
        publicKeysOf: () => [],
        tag: () => "",
        isTagOf: () => false,
      },
      seal: unexpected,
      known: () => undefined,
      walk: unexpected,
    },
    sim: { query: async () => [] },
    lifecycle,
    sync: {
      ...{ lifecycle, sim: { query: unexpected }, features: CURRENT_SIM, purgeAfterMs: 1_000, intervalMs: 1_000 },
      latestSweep: () => null,
    },
    audit: {
      counts: { allow: 0, deny: 0 },
      trail: {
        counters: { recorded: 0, written: 0, lost: 0 },
        add() {},
        async flush() {},
        waiting: () => ({ bytes: 0, sinceMs: null }),
        async close() {},
      },
      decisions: {
        counters: { spooled: 0, written: 0, lost: 0 },
        assertReadable() {},
        record() {},
        async flush() {},
        waiting: () => ({ bytes: 0, sinceMs: null }),
        async close() {},
      },
      signals: { counters: { refusals: 0, repeated: 0, slowed: 0 }, count() {}, assertNotSlowed() {} },
    },
    inbox: {
      openWorkspace() {
        throw new Error("A test without a database opens no workspace");
      },
      jobs: { wake() {} },
      hints: { announce() {} },
      signature: { secrets: ["webhook-secret-of-the-tests-0123456789abcd"], allowLegacy: false },
      onRefused() {},
      clock: systemClock,
      log: pino({ level: "silent" }),
    },
    settings: { endpointUrlProblem: () => null, agentRetentionMs: 1_000 },
    clock: { now: () => Date.now() },
    log: pino({ level: "silent" }),
    ...overrides,
  };
}
