import { join } from "node:path";
import type { Registry } from "prom-client";
import { createDecisionLog } from "./audit/decision-log.ts";
import { createDenialSignals } from "./audit/denial-signals.ts";
import { createLogWalks } from "./audit/log-walks.ts";
import { openDecisionSpool, openDenialSpool } from "./audit/open-spools.ts";
import { recordViolation } from "./audit/record-violation.ts";
import { repeatedDenialsEvent } from "./audit/refusals.ts";
import { createSealer, type Sealer } from "./audit/sealer.ts";
import { openSignedStates } from "./audit/signed-states.ts";
import { resolveSpoolDirectory } from "./audit/spool-directory.ts";
import { createTrailQueue } from "./audit/trail-queue.ts";
import { sessionCookieNames } from "./auth/credential.ts";
import { createAuthentication } from "./authentication.ts";
import { DATA_DIR } from "./data-dir.ts";
import type { Binding } from "./db/binding.ts";
import { openDatabase } from "./db/client.ts";
import { readDatabaseIdentity } from "./db/database-identity.ts";
import { findAdministered } from "./db/organization-workspaces.ts";
import { probeSim } from "./db/probe-sim.ts";
import { openQueueConnection } from "./db/queue-connection.ts";
import { createSessionWakes } from "./db/session-wakes.ts";
import type { Env } from "./env.ts";
import { deriveAuditLogKeys } from "./isolation/audit-log-keys.ts";
import { createHealth } from "./isolation/health.ts";
import { createReSignSweep, type ReSignSweep } from "./isolation/re-sign-sweep.ts";
import { createRefusals, type Refusals } from "./isolation/refusals.ts";
import { createViolations } from "./isolation/violations.ts";
import { workspaceChecks } from "./isolation/workspace-checks.ts";
import { createWorkspaceKeys } from "./isolation/workspace-keys.ts";
import { createAbandonSweep } from "./jobs/abandon-idle-sessions.ts";
import { forgetUsedTokens } from "./jobs/forget-used-tokens.ts";
import type { AnyJobKind } from "./jobs/job-kind.ts";
import { createJobs, type Jobs } from "./jobs/jobs.ts";
import { settleAnalytics } from "./jobs/settle-analytics.ts";
import type { Sweep } from "./jobs/sweeps.ts";
import { createVerificationSweep } from "./jobs/verification/verification-sweep.ts";
import { createMetrics } from "./metrics.ts";
import { createDeliverEvent } from "./outbox/deliver-event.ts";
import { createEndpointRules } from "./outbox/endpoint-rules.ts";
import { createPostToEndpoint } from "./outbox/post-to-endpoint.ts";
import { createAccessResolver } from "./permissions/access.ts";
import { type AntiEntropy, createAntiEntropy } from "./permissions/anti-entropy.ts";
import { ContextCache } from "./permissions/context-cache.ts";
import { forgetOnHint, forgetScope } from "./permissions/forget.ts";
import { guardedBinding } from "./permissions/guard.ts";
import { allowsPersonalApiKeys } from "./permissions/personal-api-keys.ts";
import type { Proven } from "./permissions/principal-map.ts";
import type { AuditLogSeal } from "./permissions/workspace-context.ts";
import { type Clock, systemClock } from "./shared/clock.ts";
import type { Logger } from "./shared/logger.ts";
import { forgetDeliveries } from "./sim-integration/inbox/forget-deliveries.ts";
import { webhookJob } from "./sim-integration/inbox/webhook-job.ts";
import type { LifecycleContext } from "./sim-integration/lifecycle/lifecycle-context.ts";
import { type PurgeAccess, purgeWorkspace } from "./sim-integration/purge/purge-workspace.ts";
import { createReconciler, type Reconciler } from "./sim-integration/reconcile/reconciler.ts";
import { createIntegrationValidator } from "./sim-integration/validate/validate-integration.ts";
import type { Services } from "./trpc/context.ts";
import { createReaderDecision } from "./workspaces/events/decide-readers.ts";
import { createEventHub } from "./workspaces/events/event-hub.ts";

/** What a killed server left unsealed, or a transaction committed late, waits no longer; each sweep reads all logs. */
const AUDIT_SEAL_SECONDS = 3_600;

/** The configuration with everything that a running server needs: where no database is named, the embedded one fills it in. */
export type ServerEnv = Env & {
  DATABASE_URL: string;
  BETTER_AUTH_SECRET: string;
  ISOLATION_SECRET: string[];
  SIM_WEBHOOK_SECRET: string[];
  INTERNAL_JWT_SECRET: string;
  NEXT_PUBLIC_APP_URL: string;
};

/** Everything that a request is served with. */
export interface Dependencies {
  services: Services;
  database: ReturnType<typeof openDatabase>;
  refusals: Refusals;
  /** What is counted, for whoever watches over the server. */
  metrics: Registry;
  /** Signs what is signed under an older root secret anew. */
  reSignSweep: ReSignSweep;
  /** What is remembered of permissions. */
  contexts: ContextCache;
  /** Watches over the remembered permissions. */
  antiEntropy: AntiEntropy;
  /** Seals when it is told to; by itself once it is started. */
  sealer: Sealer;
  /** Takes jobs and makes sweeps once it is started. */
  jobs: Jobs;
  /** What is to be made again and again, by one server of all. */
  sweeps: readonly Sweep[];
  /** What exports and purges workspaces. */
  purge: PurgeAccess;
  /** Finds what Sim told nobody of, when it is told to sweep. */
  reconciler: Reconciler;
  close(): Promise<void>;
}

/** Whose credential no table has: what the guard must turn away. */
const NOBODY: Proven = { principal: { kind: "session", userId: "nobody", sessionId: "nobody" }, proof: "none" };

/** Opens the database and joins the parts. Nothing listens yet. */
export async function createDependencies(env: ServerEnv, log: Logger, clock: Clock = systemClock): Promise<Dependencies> {
  const refusals = createRefusals({ clock, log });
  const database = openDatabase({
    url: env.DATABASE_URL,
    poolSize: env.DB_POOL_SIZE,
    maxOverflow: env.DB_MAX_OVERFLOW,
    poolTimeoutSeconds: env.DB_POOL_TIMEOUT,
    log,
    onError: (error) => log.warn({ err: { message: error.message } }, "database connection lost"),
    onRowRefused: refusals.add,
    onAudited: (workspaceId) => sealer.touch(workspaceId),
    sendJob: (executor, job) => jobs.send(executor, job),
  });
  const { sim, queryBound } = database;
  const { features } = await probeSim(sim);
  const endpointRules = createEndpointRules({
    ports: env.WEBHOOK_ENDPOINT_PORTS,
    allowLoopback: env.WEBHOOK_ENDPOINT_ALLOW_LOOPBACK,
  });
  const openWorkspace = (binding: Binding) => database.openWorkspace(binding, { features });
  const queueConnection = openQueueConnection({
    url: env.DATABASE_URL,
    onError: (error) => log.warn({ err: { message: error.message } }, "connection of the job queue lost"),
  });
  // Each kind of job and each sweep is registered by its line here.
  const kinds: AnyJobKind[] = [
    webhookJob({ timeoutMs: env.WEBHOOK_TIMEOUT * 1_000, retries: env.WEBHOOK_RETRY_ATTEMPTS, lifecycle: () => lifecycle }),
    createDeliverEvent({ post: createPostToEndpoint(endpointRules), rootSecrets: env.ISOLATION_SECRET, clock }),
  ];
  const sweeps: Sweep[] = [
    { name: "audit-seal", everySeconds: AUDIT_SEAL_SECONDS, run: (signal) => sealer.sweep(signal) },
    {
      name: "sessions.abandon",
      everySeconds: 60,
      run: createAbandonSweep({ sim, openWorkspace, idleAfterMs: env.SESSION_IDLE_AFTER, clock, log }),
    },
    forgetUsedTokens(database.oneTimeTokens),
    forgetDeliveries({ sim, openWorkspace, clock, log }),
    ...settleAnalytics({ sim, openWorkspace, clock, log }),
  ];
  const jobs = createJobs({ connection: queueConnection, kinds, openWorkspace, clock, log });
  const ttlMs = env.PERMISSION_CACHE_TTL * 1_000;
  const contexts = new ContextCache({ ttlMs });
  const antiEntropy = createAntiEntropy({ contexts, features, queryBound, log });
  const access = createAccessResolver({ sim, features, contexts, nowMs: () => clock.now(), openWorkspace });
  const { oneTimeTokens } = database;
  const { authenticator, credentials, exchangeToken } = createAuthentication({ env, sim, features, oneTimeTokens, clock });
  const violations = createViolations({
    record: (violation) => recordViolation({ openWorkspace, clock }, violation),
    clock,
    log,
  });
  const checks = workspaceChecks({
    ...{ sim, queryBound, openWorkspace, violations, refusals, clock, rootSecrets: env.ISOLATION_SECRET },
    renewConnections: database.renewConnections,
    nobody: (workspaceId) => ({ ...guardedBinding(NOBODY, workspaceId, "admin", features), isProbe: true }),
    lastContextSample: antiEntropy.recent,
  });
  const workspaceKeys = createWorkspaceKeys(env.ISOLATION_SECRET, ttlMs);
  const sessionWakes = createSessionWakes(database.hints);
  const memory = { access, credentials, workspaceKeys };
  database.hints.subscribe((hint) => forgetOnHint(memory, hint));
  // After what forgets on a hint, so that nobody is let in anew by what was remembered.
  const eventHub = createEventHub({
    decide: createReaderDecision({ sim, features, clock }),
    wakes: sessionWakes,
    hints: database.hints,
  });
  const spoolDirectory = resolveSpoolDirectory(
    env.PARLANT_DATA_DIR ?? DATA_DIR,
    env.DATABASE_URL,
    await readDatabaseIdentity(sim),
    log,
  );
  const trail = createTrailQueue({
    spool: openDenialSpool(spoolDirectory),
    ...{ openWorkspace, workspaceKeys, sim, clock, log },
  });
  const auditLogKeys = await deriveAuditLogKeys(env.ISOLATION_SECRET);
  const states = openSignedStates({ directory: join(spoolDirectory, "signed"), log });
  const sealer = createSealer({ openWorkspace, sim, keys: auditLogKeys, clock, log, states });
  const seal = async (workspaceId: string) => {
    await sealer.seal(workspaceId);
  };
  const signals = createDenialSignals({
    limitPerMinute: env.DENIAL_LIMIT_PER_MINUTE,
    clock,
    raise: (event) => trail.add(repeatedDenialsEvent(event)),
  });
  const decisions = createDecisionLog({
    spool: openDecisionSpool(spoolDirectory),
    insert: database.insertDecisions,
    policy: env.AUDIT_READ_POLICY,
    clock,
    log,
  });
  const lifecycle: LifecycleContext = {
    ...{ openWorkspace, workspaceKeys, clock, log },
    publish: database.hints.publish,
  };
  const auditLogSeal: AuditLogSeal = {
    keys: auditLogKeys,
    seal,
    known: sealer.known,
    walk: createLogWalks().run,
  };
  const verification = createVerificationSweep({
    ...{ rootSecrets: env.ISOLATION_SECRET, openWorkspace, sim, violations, auditLogSeal, clock, log },
  });
  sweeps.push(verification);
  const counts = { allow: 0, deny: 0 };
  const purge: PurgeAccess = {
    openRows: database.openRows,
    openWorkspace,
    tenantTables: database.tenantTables,
    sim,
    rootSecrets: env.ISOLATION_SECRET,
    features,
    seal,
    exportDirectory: env.EXPORT_DIR,
    clock,
  };
  const reconciler = createReconciler({
    ...{ lifecycle, sim, features, purgeAfterMs: env.WORKSPACE_PURGE_AFTER },
    purge: (request) => purgeWorkspace(purge, request),
  });
  sweeps.push({ name: "reconcile", everySeconds: env.RECONCILE_INTERVAL, run: reconciler.sweep });
  const webhookRefusals = { unauthorized: 0, invalid: 0, conflict: 0 };
  return {
    metrics: createMetrics({
      ...{ database, counts, violations, refusals, trail, decisions, signals, contexts, antiEntropy, clock },
      verification,
      webhookRefusals,
    }),
    services: {
      findCaller: credentials.find,
      exchangeToken,
      resolveAccess: access.resolve,
      findAdministered: (userId, organizationId) => findAdministered(sim, features, userId, organizationId),
      hints: database.hints,
      forget: (scope) => forgetScope(memory, scope),
      validateIntegration: createIntegrationValidator({
        ...{ sim, clock, log, authenticator, betterAuthSecret: env.BETTER_AUTH_SECRET, hints: database.hints },
        cookieName: sessionCookieNames(env.NEXT_PUBLIC_APP_URL)[0],
        webhooks: { secrets: env.SIM_WEBHOOK_SECRET ?? [], allowLegacy: env.SIM_WEBHOOK_ALLOW_LEGACY },
      }),
      sessionWakes,
      eventHub,
      violations,
      isolation: {
        health: createHealth({ checks, clock, log }),
        allowsPersonalApiKeys: (workspaceId) => allowsPersonalApiKeys(sim, features, workspaceId),
      },
      sim,
      workspaceKeys,
      audit: { trail, signals, decisions, counts },
      lifecycle,
      auditLogSeal,
      sync: {
        ...{ lifecycle, sim, features, latestSweep: reconciler.latest },
        ...{ purgeAfterMs: env.WORKSPACE_PURGE_AFTER, intervalMs: env.RECONCILE_INTERVAL * 1_000 },
      },
      inbox: {
        ...{ openWorkspace, jobs, hints: database.hints, clock, log },
        signature: { secrets: env.SIM_WEBHOOK_SECRET, allowLegacy: env.SIM_WEBHOOK_ALLOW_LEGACY },
        onRefused(reason) {
          webhookRefusals[reason]++;
        },
      },
      settings: { agentRetentionMs: env.AGENT_RETENTION, endpointUrlProblem: endpointRules.problemOf },
      clock,
      log,
    },
    database,
    refusals,
    reSignSweep: createReSignSweep({ rootSecrets: env.ISOLATION_SECRET, openWorkspace, sim, violations, clock, log }),
    contexts,
    antiEntropy,
    sealer,
    jobs,
    sweeps,
    purge,
    reconciler,
    async close() {
      eventHub.close();
      await jobs.stop();
      // At once: with the database away each of them takes its time, and the whole has half a minute.
      await Promise.all([antiEntropy.stop(), violations.close(), trail.close(), decisions.close()]);
      await sealer.close();
      await Promise.all([database.close(), queueConnection.close()]);
    },
  };
}
