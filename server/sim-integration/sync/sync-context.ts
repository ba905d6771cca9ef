import type { SimFeatures } from "../../db/sim-features.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import type { LifecycleContext } from "../lifecycle/lifecycle-context.ts";
import type { Reconciler } from "../reconcile/reconciler.ts";

/** What a sync on demand works with. */
export interface SyncContext {
  lifecycle: LifecycleContext;
  sim: SimReader;
  features: SimFeatures;
  purgeAfterMs: number;
  /** How long after the begin of a sweep the next one begins. */
  intervalMs: number;
  latestSweep: Reconciler["latest"];
}
