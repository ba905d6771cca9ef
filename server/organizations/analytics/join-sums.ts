import { type ActivitySums, COUNTS } from "../../db/activity-sql.ts";
import type { WorkspaceSums } from "../../db/analytics-statements.ts";
import type { ActivityTotals } from "../../workspaces/analytics/schemas.ts";
import { toTotals } from "../../workspaces/analytics/totals.ts";

/** What workspaces come to in one bucket: counts are added, users are counted once, and latencies joined as histograms. */
export function joinSums(workspaces: readonly WorkspaceSums[], bucket: number): ActivityTotals {
  const ofBucket = workspaces.flatMap(({ sums }) => sums.filter((one) => one.bucket === bucket));
  const users = new Set(workspaces.flatMap(({ users }) => users.flatMap((one) => (one.bucket === bucket ? one.ids : []))));
  const counts = Object.fromEntries(
    COUNTS.map((field) => [field, ofBucket.reduce((total, sums) => total + sums[field], 0)]),
  ) as Omit<ActivitySums, "latencyMs">;
  return toTotals({ ...counts, uniqueUsers: users.size, latencyMs: percentiles(workspaces, bucket) });
}

function percentiles(workspaces: readonly WorkspaceSums[], bucket: number): ActivitySums["latencyMs"] {
  const histogram = new Map<number, number>();
  for (const { latencies } of workspaces) {
    for (const { bucket: place, ms, count } of latencies) {
      if (place === bucket) histogram.set(ms, (histogram.get(ms) ?? 0) + count);
    }
  }
  const inOrder = [...histogram].sort(([one], [other]) => one - other);
  const total = inOrder.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return null;
  const at = (share: number): number => {
    let passed = 0;
    for (const [ms, count] of inOrder) {
      passed += count;
      if (passed >= Math.ceil(share * total)) return ms;
    }
    return inOrder.at(-1)?.[0] ?? 0;
  };
  return [at(0.5), at(0.95), at(0.99)];
}
