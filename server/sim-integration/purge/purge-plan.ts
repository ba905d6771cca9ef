import { APP_TABLE_PRIVILEGES } from "../../db/roles.ts";
import type { TenantTable } from "../../db/tenant-tables.ts";
import type { SignedKind } from "../../isolation/boundary.ts";

/** The sealed record: it outlives what it speaks of, and its contents go with the workspace's keys. */
const KEPT: ReadonlySet<string> = new Set(["AuditEvent", "AuditLeaf", "AuditCheckpoint"]);

/** The tables that a purge empties, in its order; a model is among them from the day it is there. */
export function purgedTables(tables: readonly TenantTable[]): TenantTable[] {
  return tables.filter(({ model }) => !KEPT.has(model));
}

/** Whether the role may delete rows of it; those of the others go with the rows that they belong to. */
export function isDeletedByItself({ name }: TenantTable): boolean {
  return APP_TABLE_PRIVILEGES[name]?.includes("DELETE") === true;
}

/**
 * What a restore does not bring back: evidence and what passes is read in the file, and never written anew; endpoints have
 * secrets that are kept under the keys that are gone.
 */
const NOT_RESTORED: ReadonlySet<string> = new Set([
  ...KEPT,
  "AuthzDecision",
  "EndpointAttempt",
  "EndpointDelivery",
  "IdempotencyKey",
  // Made anew of the events.
  "SessionActivity",
  "WebhookDelivery",
  "WebhookEndpoint",
  "WorkspaceState",
]);

/** The tables that a restore fills, those first that others refer to. */
export function restoredTables(tables: readonly TenantTable[]): TenantTable[] {
  return tables.filter(({ model }) => !NOT_RESTORED.has(model)).reverse();
}

/** Columns that are a workspace's keys or made with them: in no export, because an export outlives the keys. */
const OF_THE_KEYS: ReadonlySet<string> = new Set(["boundary", "boundary_key_version", "key_salt", "previous_secret", "secret"]);

export function exportedColumns({ columns }: TenantTable): string[] {
  return columns.filter((column) => !OF_THE_KEYS.has(column));
}

/** What the rows of a model are vouched for as, by their boundaries. */
const SIGNED_AS: Readonly<Record<string, SignedKind>> = { Agent: "agent", Session: "session" };

/** @throws where the table's rows have boundaries and nobody knows of what kind */
export function signedKindOf({ model, columns }: TenantTable): SignedKind | null {
  if (!columns.includes("boundary")) return null;
  const kind = SIGNED_AS[model];
  if (kind) return kind;
  throw new Error(`Nobody knows as what the rows of ${model} are signed`);
}
