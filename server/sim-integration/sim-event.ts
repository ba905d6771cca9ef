import { z } from "zod";
import { WORKSPACE_PERMISSIONS } from "../permissions/levels.ts";
import { simId } from "../shared/text.ts";

/** What Sim can tell of a workspace. */
export const SIM_EVENT_TYPES = [
  "workspace_created",
  "workspace_updated",
  "workspace_deleted",
  "workspace_archived",
  "workspace_restored",
  "workspace_permissions_updated",
  "workspace_member_added",
  "workspace_member_removed",
  "workspace_ownership_transferred",
] as const;
export type SimEventType = (typeof SIM_EVENT_TYPES)[number];

/** Sim's clocks write UTC with or without saying so. */
const timestamp = z.iso.datetime({ offset: true, local: true });
const permission = z.enum(WORKSPACE_PERMISSIONS).nullable();

/** What of an event's data has an effect; all of it is a hint, and Sim's tables are what counts. */
const EventData = z.object({
  user_id: simId.optional().describe("The member who was added or removed"),
  affected_users: z.array(simId).max(10_000).optional().describe("Whose permissions changed"),
  deletion_mode: z.enum(["archive", "delete"]).optional().describe("delete: purged now and not after the time to think"),
  export: z.boolean().optional().describe("Whether every row is written to EXPORT_DIR before the purge"),
});

/** Body of the webhook workspace-events, in the names that Sim sends. Keys that are not listed are passed over. */
export const WorkspaceEventBody = z.object({
  event_type: z.enum(SIM_EVENT_TYPES),
  workspace_id: simId,
  organization_id: simId.nullish(),
  triggered_by: simId.nullish().describe("The user who did it, by Sim's id"),
  timestamp,
  data: EventData.default({}),
});
export type WorkspaceEventBody = z.output<typeof WorkspaceEventBody>;

/** Body of the webhook permission-updates. */
export const PermissionUpdateBody = z.object({
  workspace_id: simId,
  user_id: simId,
  old_permission: permission.optional(),
  new_permission: permission,
  updated_by: simId.nullish(),
  timestamp,
});
export type PermissionUpdateBody = z.output<typeof PermissionUpdateBody>;

/** An event as the server works with it, whoever told of it: a webhook, the reconciler, or a sync on demand. */
export interface SimEvent {
  type: SimEventType;
  workspaceId: string;
  /** When it was, by Sim's clock; null where nobody told. It says which of several archives a deletion is of, and nothing else. */
  occurredAt: Date | null;
  /** Who did it in Sim, where that is known. */
  triggeredBy: string | null;
  /** Whom it is about; empty where that is not said. */
  userIds: readonly string[];
  deletion: { mode: "archive" | "delete"; isExportAsked: boolean };
}

export function toSimEvent({ event_type, workspace_id, triggered_by, timestamp, data }: WorkspaceEventBody): SimEvent {
  return {
    type: event_type,
    workspaceId: workspace_id,
    occurredAt: toInstant(timestamp),
    triggeredBy: triggered_by ?? null,
    userIds: [...new Set([...(data.user_id === undefined ? [] : [data.user_id]), ...(data.affected_users ?? [])])],
    deletion: { mode: data.deletion_mode ?? "archive", isExportAsked: data.export ?? false },
  };
}

/** A permission that was changed is told as an event on the permissions of the workspace. */
export function permissionEvent({ workspace_id, user_id, updated_by, timestamp }: PermissionUpdateBody): SimEvent {
  return {
    type: "workspace_permissions_updated",
    workspaceId: workspace_id,
    occurredAt: toInstant(timestamp),
    triggeredBy: updated_by ?? null,
    userIds: [user_id],
    deletion: { mode: "archive", isExportAsked: false },
  };
}

function toInstant(text: string): Date {
  return new Date(/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);
}
