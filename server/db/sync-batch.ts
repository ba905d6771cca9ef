import type { SimFeatures } from "./sim-features.ts";
import type { SimReader, Statement } from "./sim-reader.ts";
import { simArchivedAtSql, simSettingsSql } from "./sim-workspace.ts";
import { statementName } from "./statement-names.ts";

/** A workspace of Sim's beside what is kept of it here. */
export interface SyncFacts {
  workspaceId: string;
  isArchived: boolean;
  /** Live in Sim, and without a state here. */
  isNew: boolean;
  isOwnerAnother: boolean;
  /** Whether anything that is kept of Sim's row is not what it says now. */
  isChanged: boolean;
  isArchivalBehind: boolean;
  /** Archived here so lately that a call which had begun before may have been committed since. */
  isJustArchived: boolean;
  hasStrayGrants: boolean;
  isPurgeDue: boolean;
  isExportAsked: boolean;
  /** When Sim's row last changed, as it says itself. */
  changedAt: Date;
}

/** Which workspaces are compared: the next ones by their ids, or those that are named. */
export type SyncScope = { after: string; take: number } | { workspaceIds: readonly string[] };

export interface SyncBatch {
  /** Those that are not in step; all of them where they were named. */
  rows: SyncFacts[];
  /** How many were compared, and where the next batch begins; null where this one was the last. */
  size: number;
  next: string | null;
}

export interface SyncTimes {
  nowMs: number;
  /** How long after a deletion a workspace is purged. */
  purgeAfterMs: number;
}

/** Longer than any transaction of a call can last. */
const JUST_ARCHIVED_MS = 10 * 60_000;

/**
 * Compares workspaces with what is kept of them, in one statement that enters each of them by itself. Nothing of a
 * workspace that is in step leaves the database, so that a batch in which nothing differs costs a look-up or two each.
 */
export async function readSyncBatch(
  sim: SimReader,
  features: SimFeatures,
  scope: SyncScope,
  times: SyncTimes,
): Promise<SyncBatch> {
  const isNamed = "workspaceIds" in scope;
  const rows = await sim.query<SyncFacts & { size: number; isLast: boolean }>(statementOf(features, scope, times));
  const last = rows.at(-1);
  const size = last?.size ?? 0;
  const differing = rows.filter((row) => isNamed || isOutOfStep(row));
  const next = isNamed || !last || size < scope.take ? null : last.workspaceId;
  return { rows: differing.map(({ size: _, isLast: __, ...facts }) => facts), size, next };
}

/** Whether there is something to be done. */
export function isOutOfStep(facts: SyncFacts): boolean {
  const { isNew, isChanged, isArchivalBehind, isJustArchived, hasStrayGrants, isPurgeDue } = facts;
  return isNew || isChanged || isArchivalBehind || isJustArchived || hasStrayGrants || isPurgeDue;
}

function statementOf(features: SimFeatures, scope: SyncScope, { nowMs, purgeAfterMs }: SyncTimes): Statement {
  const isNamed = "workspaceIds" in scope;
  const text = `with batch as materialized (
  select w.id, ${simSettingsSql(features)} as settings, ${simArchivedAtSql(features)} as archived_at,
    greatest(${simArchivedAtSql(features)}, w.updated_at at time zone 'UTC') as changed_at,
    ${features.workspaceOrganizationId ? "w.organization_id" : "null::text"} as organization_id
  from public.workspace w
  where ${isNamed ? "w.id = any ($3::text[])" : "w.id > $3 order by w.id limit $4"}
), judged as (
  select b.id as "workspaceId", b.archived_at is not null as "isArchived",
    not f.is_known and b.archived_at is null as "isNew",
    f.is_known and f.last_synced_at is not null and f.kept_settings->>'ownerId' is distinct from b.settings->>'ownerId' as "isOwnerAnother",
    f.is_known and (f.last_synced_at is null or f.kept_settings is distinct from b.settings) as "isChanged",
    f.is_known and f.kept_archived_at is distinct from b.archived_at as "isArchivalBehind",
    coalesce(f.kept_archived_at = b.archived_at and f.last_synced_at > $1::timestamptz, false) as "isJustArchived",
    f.has_stray_grants as "hasStrayGrants",
    coalesce(f.kept_archived_at = b.archived_at and (f.deletion_asked_mode = 'delete' or f.deletion_asked_at <= $2::timestamptz),
      false) as "isPurgeDue",
    f.is_export_asked as "isExportAsked", b.changed_at as "changedAt"
  from batch b cross join lateral parlant.parlant_sync_facts(b.id, b.organization_id) f
)
select *, (select count(*)::integer from batch) as size, "workspaceId" = (select max(id) from batch) as "isLast"
from judged
${
  isNamed
    ? ""
    : `where "isNew" or "isChanged" or "isArchivalBehind" or "isJustArchived" or "hasStrayGrants" or "isPurgeDue"
  or "workspaceId" = (select max(id) from batch)`
}
order by "workspaceId"`;
  const times = [new Date(nowMs - JUST_ARCHIVED_MS), new Date(nowMs - purgeAfterMs)];
  const values = isNamed ? [...times, scope.workspaceIds] : [...times, scope.after, scope.take];
  return { name: statementName(text), text, values };
}
