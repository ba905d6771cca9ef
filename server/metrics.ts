import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { DecisionCounts } from "./audit/decision-counts.ts";
import type { DecisionLog } from "./audit/decision-log.ts";
import type { DenialSignals } from "./audit/denial-signals.ts";
import type { TrailQueue } from "./audit/trail-queue.ts";
import type { Database } from "./db/client.ts";
import type { Refusals } from "./isolation/refusals.ts";
import type { Violations } from "./isolation/violations.ts";
import type { VerificationSweep } from "./jobs/verification/verification-sweep.ts";
import type { AntiEntropy } from "./permissions/anti-entropy.ts";
import type { ContextCache } from "./permissions/context-cache.ts";
import { addQueueMetrics } from "./queue-metrics.ts";
import type { Clock } from "./shared/clock.ts";
import type { RefusedWebhook } from "./sim-integration/inbox/receive-webhook.ts";

export interface MetricSources {
  database: Pick<Database, "pool" | "guardRejections" | "hints" | "sim">;
  counts: DecisionCounts;
  violations: Pick<Violations, "total">;
  refusals: Pick<Refusals, "total">;
  trail: Pick<TrailQueue, "counters" | "waiting">;
  decisions: Pick<DecisionLog, "counters" | "waiting">;
  signals: Pick<DenialSignals, "counters">;
  contexts: Pick<ContextCache, "size" | "counters">;
  antiEntropy: Pick<AntiEntropy, "total">;
  verification: Pick<VerificationSweep, "status">;
  webhookRefusals: Readonly<Record<RefusedWebhook, number>>;
  clock: Clock;
}

/**
 * What the server counts, read from where it is counted at the moment that somebody asks. No label is of a workspace, a
 * user or anything else that callers can make up.
 */
export function createMetrics(sources: MetricSources): Registry {
  const registry = new Registry();
  const { database, counts, violations, refusals, trail, decisions, signals, contexts, antiEntropy, verification, clock } =
    sources;
  const counter = (name: string, help: string, read: () => number) =>
    labelledCounter(name, help, undefined, () => ({ "": read() }));
  const gauge = (name: string, help: string, read: () => number) => labelledGauge(name, help, undefined, () => ({ "": read() }));
  /** Each key is a value of the label. */
  function labelledCounter(name: string, help: string, label: string | undefined, read: () => Record<string, number>): void {
    new Counter({
      ...{ name, help, labelNames: label === undefined ? [] : [label], registers: [registry] },
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(read())) this.inc(label === undefined ? {} : { [label]: value }, count);
      },
    });
  }
  function labelledGauge(name: string, help: string, label: string | undefined, read: () => Record<string, number>): void {
    new Gauge({
      ...{ name, help, labelNames: label === undefined ? [] : [label], registers: [registry] },
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(read())) this.set(label === undefined ? {} : { [label]: value }, count);
      },
    });
  }
  const oldestMs = () =>
    Math.min(trail.waiting().sinceMs ?? Number.POSITIVE_INFINITY, decisions.waiting().sinceMs ?? Number.POSITIVE_INFINITY);

  labelledCounter("parlant_authz_decisions_total", "Calls that were made, and that were turned away", "result", () => ({
    ...counts,
  }));
  counter("parlant_guard_rejections_total", "Statements whose permission no longer held", database.guardRejections);
  counter("parlant_isolation_violations_total", "Rows met in a workspace in which they were not made", violations.total);
  counter("parlant_row_refusals_total", "Rows that row-level security alone refused", refusals.total);
  labelledCounter(
    "parlant_refused_calls_total",
    "Refusals, callers refused again and again, and calls slowed down for it",
    "kind",
    () => {
      const { refusals: refused, repeated, slowed } = signals.counters;
      return { refused, repeated, slowed };
    },
  );

  gauge("parlant_db_pool_waiting", "Callers waiting for a connection", () => database.pool().waiting);
  labelledGauge("parlant_db_pool_connections", "Connections that are lent, idle, and at most open", "state", () => {
    const { total, idle, limit } = database.pool();
    return { lent: total - idle, idle, limit };
  });
  gauge("parlant_hints_listening", "1 where this instance hears the others", () =>
    database.hints.state().state === "listening" ? 1 : 0,
  );
  counter("parlant_hints_lost_connections_total", "How often that connection was lost", () => database.hints.state().losses);

  gauge("parlant_audit_lag_seconds", "Age of the oldest event or decision that waits to be written", () => {
    const since = oldestMs();
    return since === Number.POSITIVE_INFINITY ? 0 : Math.max(0, clock.now() - since) / 1_000;
  });
  labelledGauge("parlant_audit_spool_bytes", "What waits on the disk to be written", "kind", () => ({
    denials: trail.waiting().bytes,
    decisions: decisions.waiting().bytes,
  }));
  labelledCounter("parlant_audit_lost_total", "What could not be recorded", "kind", () => ({
    denials: trail.counters.lost,
    decisions: decisions.counters.lost,
  }));

  labelledCounter("parlant_context_cache_lookups_total", "Permissions that were remembered, and that were not", "result", () => ({
    ...contexts.counters,
  }));
  gauge("parlant_context_cache_entries", "Permissions that are remembered", () => contexts.size);
  counter(
    "parlant_context_cache_mismatches_total",
    "Remembered permissions that the guard wrongly let through",
    () => antiEntropy.total().mismatches,
  );

  new Gauge({
    name: "parlant_verification_age_seconds",
    help: "Since this process last went through all workspaces; the least of all processes counts, and one that never did has none",
    registers: [registry],
    collect() {
      this.reset();
      const { endedAtMs } = verification.status();
      if (endedAtMs === null) this.remove();
      else this.set((clock.now() - endedAtMs) / 1_000);
    },
  });
  counter(
    "parlant_verification_problems_total",
    "Problems that the daily verification found",
    () => verification.status().problems,
  );
  counter("parlant_verification_failures_total", "Workspaces that could not be verified", () => verification.status().failures);
  addQueueMetrics(registry, { sim: database.sim, clock });
  labelledCounter("parlant_webhook_refusals_total", "Webhooks that were refused, by why", "kind", () => ({
    ...sources.webhookRefusals,
  }));
  return registry;
}

/** Adds what Node.js itself is asked: event loop, memory, garbage collection, handles. It watches from then on. */
export function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
}
