import type { SyncFacts } from "../../db/sync-batch.ts";
import type { SimEvent, SimEventType } from "../sim-event.ts";

/** The events that Sim would have told, for what differs between its tables and what is kept here. */
export function toEvents(facts: SyncFacts): SimEvent[] {
  const types: [boolean, SimEventType][] = [
    [facts.isNew, "workspace_created"],
    [facts.isChanged, facts.isOwnerAnother ? "workspace_ownership_transferred" : "workspace_updated"],
    [facts.isArchivalBehind || facts.isJustArchived, facts.isArchived ? "workspace_archived" : "workspace_restored"],
    [facts.hasStrayGrants, "workspace_member_removed"],
  ];
  return types.filter(([differs]) => differs).map(([, type]) => eventOf(facts.workspaceId, type));
}

/** An event that nobody told of. */
export function eventOf(workspaceId: string, type: SimEventType): SimEvent {
  return {
    ...{ type, workspaceId, occurredAt: null, triggeredBy: null, userIds: [] },
    deletion: { mode: "archive", isExportAsked: false },
  };
}
