import type { SimEvent, SimEventType } from "../sim-event.ts";

/**
 * What carrying out an event comes to: the workspace is made as Sim's tables say, in every case. Beyond that, everything
 * that is remembered of it is dropped ("workspace"), or what is of its permissions, and stray grants are removed
 * ("permissions"), or it is kept that it is to be purged ("deletion").
 */
const REACH = {
  workspace_created: "settings",
  workspace_updated: "settings",
  workspace_archived: "workspace",
  workspace_restored: "workspace",
  workspace_ownership_transferred: "workspace",
  workspace_permissions_updated: "permissions",
  workspace_member_added: "permissions",
  workspace_member_removed: "permissions",
  workspace_deleted: "deletion",
} as const satisfies Record<SimEventType, string>;
type Reach = (typeof REACH)[SimEventType];

/** What comes with the other for free. */
const COVERED_BY: Readonly<Record<Reach, readonly Reach[]>> = {
  settings: ["workspace", "permissions", "deletion"],
  workspace: ["deletion"],
  permissions: [],
  deletion: [],
};

/**
 * The fewest events that come to the same. Each leads to what Sim's tables say at that moment, so that of those that
 * reach as far the last does for all of them, about everyone whom any was about. Those of different users stay apart,
 * because the audit trail names who did it; so do deletions that say different things.
 */
export function mergeEvents(events: readonly SimEvent[]): SimEvent[] {
  const merged = new Map<string, SimEvent>();
  for (const event of events) {
    const { workspaceId, triggeredBy, deletion, occurredAt } = event;
    const reach = REACH[event.type];
    const key = JSON.stringify([workspaceId, triggeredBy, reach, ...(reach === "deletion" ? [deletion, occurredAt] : [])]);
    const other = merged.get(key);
    merged.set(key, other ? { ...event, userIds: everyone(other.userIds, event.userIds) } : event);
  }
  const left = [...merged.values()];
  return left.filter((event) => !left.some((other) => isCovered(event, other)));
}

function isCovered(event: SimEvent, other: SimEvent): boolean {
  const isOfTheSame = other.workspaceId === event.workspaceId && other.triggeredBy === event.triggeredBy;
  return isOfTheSame && COVERED_BY[REACH[event.type]].includes(REACH[other.type]);
}

/** Of no user in particular is of everyone. */
function everyone(some: readonly string[], others: readonly string[]): readonly string[] {
  return some.length === 0 || others.length === 0 ? [] : [...new Set([...some, ...others])];
}
