import type { Binding } from "../db/binding.ts";
import { isGuardRejection } from "../db/errors.ts";
import type { SimFeatures } from "../db/sim-features.ts";
import type { Statement } from "../db/sim-reader.ts";
import type { ContextSample } from "../isolation/checks/contexts.ts";
import type { Logger } from "../shared/logger.ts";
import type { ContextCache, Remembered } from "./context-cache.ts";
import { guardedBinding } from "./guard.ts";
import { grantedPermission, type PermissionRow, permissionStatement } from "./load-permission.ts";

export interface AntiEntropy {
  /** Re-reads some remembered decisions now. */
  sample(): Promise<void>;
  /** Since the start, of all workspaces. */
  total(): ContextSample;
  /** What the last few seconds came to in one workspace: it is good again soon after what was wrong has been mended. */
  recent(workspaceId: string): ContextSample;
  /** Samples no more; what is under way is done when this resolves. */
  stop(): Promise<void>;
}

export interface AntiEntropyOptions {
  contexts: ContextCache;
  features: SimFeatures;
  /** Runs a statement behind the binding's prelude, as every statement of a workspace runs. */
  queryBound(binding: Binding, statement: Statement): Promise<object[]>;
  log: Logger;
  /** 0: only when sample() is called. */
  intervalMs?: number;
  random?: () => number;
}

const ENTRIES_PER_SAMPLE = 5;
const SAMPLES_KEPT = 5;
/** Between the guard and the re-reading a permission may change once; not every time. */
const ATTEMPTS = 3;

/**
 * Re-reads a few remembered decisions each second, each by a statement behind its own guard. A decision that Sim's tables
 * no longer hold is nothing wrong, as long as the guard rejects it: it is forgotten. A mismatch is one that the guard
 * lets through although the tables say otherwise, or one that was found in another's place: that is a defect of this
 * process, told by the log and the total, and no workspace's own.
 */
export function createAntiEntropy(options: AntiEntropyOptions): AntiEntropy {
  const { contexts, features, queryBound, log, intervalMs = 1_000, random = Math.random } = options;
  const total: ContextSample = { checked: 0, mismatches: 0 };
  // Each of a few entries, which bounds it, and by workspace, because none is told of another's.
  const kept: Map<string, ContextSample>[] = [];
  let strangersSeen = 0;
  let running: Promise<void> | undefined;
  let isStopped = false;

  async function isHonest({ access, ...caller }: Remembered): Promise<boolean> {
    const { workspaceId, permission } = access;
    const binding = guardedBinding(caller, workspaceId, permission, features);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        const [row] = await queryBound(binding, permissionStatement(caller, workspaceId, features));
        if (grantedPermission(row as PermissionRow | undefined) === permission) return true;
      } catch (error) {
        if (!isGuardRejection(error)) throw error;
        contexts.forget(caller, workspaceId);
        return true;
      }
    }
    contexts.forget(caller, workspaceId);
    log.error({ workspaceId, principalKind: caller.principal.kind, permission }, "permission.cache_mismatch");
    return false;
  }

  async function sample(): Promise<void> {
    const strangers = contexts.strangers - strangersSeen;
    strangersSeen += strangers;
    total.mismatches += strangers;
    if (strangers > 0) log.error({ entries: strangers }, "permission.cache_stranger");
    const seen = new Map<string, ContextSample>();
    for (const entry of pick(contexts.entries(), ENTRIES_PER_SAMPLE, random)) {
      if (isStopped) break;
      const honest = await isHonest(entry).catch((error: unknown) => {
        log.debug({ err: error }, "a remembered permission could not be re-read");
        return null;
      });
      if (honest === null) continue;
      const ofWorkspace = seen.get(entry.access.workspaceId) ?? { checked: 0, mismatches: 0 };
      seen.set(entry.access.workspaceId, ofWorkspace);
      for (const sums of [ofWorkspace, total]) {
        sums.checked += 1;
        if (!honest) sums.mismatches += 1;
      }
    }
    kept.push(seen);
    if (kept.length > SAMPLES_KEPT) kept.shift();
  }

  const tick = () => {
    running ??= sample().finally(() => {
      running = undefined;
    });
  };
  const timer = intervalMs > 0 ? setInterval(tick, intervalMs).unref() : undefined;
  return {
    sample,
    total: () => ({ ...total }),
    recent(workspaceId) {
      const samples = kept.flatMap((seen) => seen.get(workspaceId) ?? []);
      return {
        checked: samples.reduce((sum, { checked }) => sum + checked, 0),
        mismatches: samples.reduce((sum, { mismatches }) => sum + mismatches, 0),
      };
    },
    async stop() {
      isStopped = true;
      clearInterval(timer);
      await running;
    },
  };
}

/** So many of the values, each at most once. */
function pick<Value>(values: Value[], count: number, random: () => number): Value[] {
  for (let index = 0; index < Math.min(count, values.length); index++) {
    const other = index + Math.floor(random() * (values.length - index));
    [values[index], values[other]] = [values[other] as Value, values[index] as Value];
  }
  return values.slice(0, count);
}
