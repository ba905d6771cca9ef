import { z } from "zod";
import { simId } from "../../shared/text.ts";

const MAX_WORKSPACES = 100;

export const SyncWorkspacesInput = z.strictObject({
  workspaceIds: z.array(simId).min(1).max(MAX_WORKSPACES).describe(`Sim's ids of the workspaces, 1 to ${MAX_WORKSPACES}`),
  fullSync: z
    .boolean()
    .default(false)
    .describe("Also where nothing differs: everything is looked at again, and what is remembered of permissions is dropped"),
  includeAgents: z.boolean().default(true).describe("Counts the agents of each workspace"),
  includeSessions: z.boolean().default(false).describe("Counts the sessions of each workspace"),
});
export type SyncWorkspacesInput = z.output<typeof SyncWorkspacesInput>;

export const AgentCounts = z.object({
  total: z.int().describe("All that are not deleted"),
  active: z.int(),
  inactive: z.int(),
  archived: z.int(),
  archivedWithWorkspace: z.int().describe("Of the archived ones, those that a restore of the workspace brings back"),
  deleted: z.int().describe("Deleted, and to be brought back for as long as they are kept"),
});
export type AgentCounts = z.output<typeof AgentCounts>;

export const SessionCounts = z.object({ total: z.int(), active: z.int() });
export type SessionCounts = z.output<typeof SessionCounts>;

export const SyncedWorkspaces = z.object({
  syncedWorkspaces: z.array(z.string()).describe("Those that are in step now"),
  failedWorkspaces: z.array(z.object({ workspaceId: z.string(), error: z.string() })).describe("Those that are not, and why"),
  workspaces: z
    .array(
      z.object({
        workspaceId: z.string(),
        actions: z.array(z.string()).describe("What was done, as the audit trail names it; empty where nothing differed"),
        agents: AgentCounts.nullable(),
        sessions: SessionCounts.nullable(),
      }),
    )
    .describe("What became of each that is in step, in the order in which they were named"),
  totalAgentsSynced: z.int(),
  totalSessionsSynced: z.int(),
  syncTimestamp: z.date(),
  syncDurationMs: z.int(),
});
export type SyncedWorkspaces = z.output<typeof SyncedWorkspaces>;

export const SyncStatusInput = z.strictObject({ workspaceId: simId.describe("Sim's id of the workspace") });
export type SyncStatusInput = z.output<typeof SyncStatusInput>;

/** What may differ between Sim and what is kept here. */
export const DIFFERENCES = ["state", "settings", "owner", "archive", "grants", "purge", "agents", "sessions"] as const;

export const SyncStatus = z.object({
  workspaceId: z.string(),
  isolationStatus: z.enum(["healthy", "degraded", "unhealthy"]).describe("As isolation.health has it"),
  syncHealth: z.enum(["healthy", "warning"]).describe("healthy where everything agrees and no webhook has failed for good"),
  dataConsistency: z
    .enum(["consistent", "lagging", "inconsistent"])
    .describe("lagging: what differs is to be repaired by the next look; inconsistent: it should have been by now"),
  differences: z.array(z.object({ what: z.enum(DIFFERENCES), message: z.string() })).describe("What differs, and how"),
  isArchived: z.boolean().describe("In Sim"),
  lastSync: z.date().nullable().describe("When something was last brought in step here; null for never"),
  lastEvent: z
    .object({ action: z.string(), occurredAt: z.date() })
    .nullable()
    .describe("The last change of Sim's that was carried out here; null for none"),
  lastEventAt: z.date().nullable().describe("When a webhook of Sim's about the workspace was last received; null for never"),
  pendingDeliveries: z.int().min(0).describe("Webhooks that are accepted and not carried out yet, those between two tries too"),
  deadLetters: z.int().min(0).describe("Webhooks that failed in every try, and wait to be sent again or replayed"),
  lagMs: z.int().min(0).describe("For how long Sim has been ahead, as its row tells; 0 where nothing differs"),
  syncing: z.object({ startedAt: z.date() }).nullable().describe("A sync on demand that is under way"),
  sweep: z
    .object({ startedAt: z.date(), finishedAt: z.date().nullable() })
    .nullable()
    .describe("The latest look over all workspaces by the instance that answers"),
  deletion: z
    .object({ requestedAt: z.date(), mode: z.enum(["archive", "delete"]), isExportAsked: z.boolean(), purgeAt: z.date() })
    .nullable()
    .describe("What is to become of a workspace that Sim deleted"),
  agentCount: z.int(),
  activeSessions: z.int(),
  agents: AgentCounts,
  sessions: SessionCounts,
  checkedAt: z.date(),
});
export type SyncStatus = z.output<typeof SyncStatus>;
