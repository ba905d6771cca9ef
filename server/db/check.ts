import { createHash } from "node:crypto";
import { type Clock, systemClock } from "../shared/clock.ts";
import { checkRole } from "./check-role.ts";
import type { Finding } from "./finding.ts";
import { listMigrations } from "./migration-files.ts";
import { monthPartitions } from "./partitions.ts";
import { probeSim } from "./probe-sim.ts";
import { NOT_TENANT_TABLES_SQL } from "./queue-tables.ts";
import type { SimFeatures } from "./sim-features.ts";
import type { SimReader } from "./sim-reader.ts";

/** What each absent column of an older Sim means for its users. */
const WITHOUT: Record<keyof SimFeatures, string> = {
  workspaceArchivedAt: "workspace.archived_at is missing: no workspace is ever archived",
  workspaceOrganizationId: "workspace.organization_id is missing: nobody is admin of a workspace through its organization",
  allowPersonalApiKeys: "workspace.allow_personal_api_keys is missing: personal API keys work in every workspace of their user",
  userBanned: "user.banned or user.ban_expires is missing: no user is ever banned",
  apiKeyHash: "api_key.key_hash is missing: no API key can be looked up, so every one is refused",
  permissionGroups: "permission_group or one of its tables is missing: every model is allowed to everyone",
};

const MIGRATE = "npm run db:migrate";
const OLDEST_VERSION = 15;

/** Says whether the database is fit for the role that reads it; it writes nothing. */
export async function checkDatabase(reader: SimReader, clock: Clock = systemClock): Promise<Finding[]> {
  const findings = await Promise.all([
    checkServer(reader),
    checkSim(reader),
    checkMigrations(reader),
    checkIsolation(reader),
    checkPartitions(reader, clock.now()),
    checkRole(reader),
  ]);
  return [...findings.flat(), BACKUP];
}

const BACKUP: Finding = {
  level: "ok",
  subject: "backup",
  message:
    "Row-level security is forced, so pg_dump stops at our tables unless its role has BYPASSRLS: " +
    "Sim's own backup needs pg_dump -N parlant, ours such a role",
};

async function checkServer(reader: SimReader): Promise<Finding[]> {
  const [row] = await reader.query<{ version: number }>({
    name: "check_server",
    text: "SELECT current_setting('server_version_num')::integer / 10000 AS version",
    values: [],
  });
  const version = row?.version ?? 0;
  if (version >= OLDEST_VERSION) return [{ level: "ok", subject: "server", message: `PostgreSQL ${version}` }];
  return [
    { level: "unfit", subject: "server", message: `PostgreSQL ${version} is too old; ${OLDEST_VERSION} or newer is needed` },
  ];
}

async function checkSim(reader: SimReader): Promise<Finding[]> {
  const { features, missing } = await probeSim(reader);
  if (missing.length > 0) {
    const message = `Sim's tables lack what every supported Sim has: ${missing.join(", ")}`;
    return [{ level: "unfit", subject: "sim", message, remedy: "Run Sim's own migrations" }];
  }
  const absent = (Object.keys(WITHOUT) as (keyof SimFeatures)[]).filter((feature) => !features[feature]);
  return [
    { level: "ok", subject: "sim", message: "Sim's tables are there" },
    ...absent.map((feature): Finding => ({ level: "degraded", subject: "sim", message: WITHOUT[feature], remedy: "Update Sim" })),
  ];
}

interface MigrationRow {
  name: string;
  checksum: string;
  isFinished: boolean;
}

async function checkMigrations(reader: SimReader): Promise<Finding[]> {
  // Looked up by name in the catalogue: to_regclass fails where the role may not even use the schema.
  const [table] = await reader.query<{ isReadable: boolean }>({
    name: "check_migrations_table",
    text: `SELECT has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(oid, 'SELECT') AS "isReadable"
      FROM pg_class WHERE relnamespace = to_regnamespace('parlant') AND relname = '_prisma_migrations'`,
    values: [],
  });
  const unfit = (message: string): Finding => ({ level: "unfit", subject: "migrations", message, remedy: MIGRATE });
  if (!table) return [unfit("No migration has been applied")];
  if (!table.isReadable) return [unfit("The role may not read parlant._prisma_migrations, so the schema's version is unknown")];
  const rows = await reader.query<MigrationRow>({
    name: "check_migrations",
    text: `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS "isFinished"
      FROM parlant._prisma_migrations WHERE rolled_back_at IS NULL`,
    values: [],
  });
  const onDisk = await listMigrations();
  const finished = new Map(rows.filter((row) => row.isFinished).map((row) => [row.name, row.checksum]));
  const failed = rows.filter((row) => !row.isFinished).map((row) => row.name);
  const pending = onDisk.filter(({ name }) => !finished.has(name) && !failed.includes(name)).map(({ name }) => name);
  const edited = onDisk.filter(({ name, script }) => (finished.get(name) ?? sha256(script)) !== sha256(script));
  const ahead = [...finished.keys()].filter((name) => !onDisk.some((migration) => migration.name === name));
  const findings = [
    ...(failed.length > 0 ? [unfit(`Migrations that failed or never ended: ${failed.join(", ")}`)] : []),
    ...(pending.length > 0 ? [unfit(`Migrations that are not applied: ${pending.join(", ")}`)] : []),
    ...edited.map(({ name }): Finding => {
      return { level: "degraded", subject: "migrations", message: `${name} was applied from another text than this release has` };
    }),
  ];
  if (findings.length > 0) return findings;
  const newer = ahead.length > 0 ? `, and ${ahead.length} of a newer release` : "";
  return [{ level: "ok", subject: "migrations", message: `All ${onDisk.length} migrations are applied${newer}` }];
}

async function checkIsolation(reader: SimReader): Promise<Finding[]> {
  const tables = await reader.query<{ table: string; isForced: boolean; hasPolicy: boolean }>({
    name: "check_isolation",
    // A partition is reached through its parent and has no policy, which closes it.
    text: `SELECT format('parlant.%I', relname) AS "table", relrowsecurity AND relforcerowsecurity AS "isForced",
        relispartition OR EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid) AS "hasPolicy"
      FROM pg_class
      WHERE relnamespace = to_regnamespace('parlant') AND relkind IN ('r', 'p') AND relname <> ALL (${NOT_TENANT_TABLES_SQL})
      ORDER BY 1`,
    values: [],
  });
  if (tables.length === 0) return [];
  const open = tables.filter(({ isForced, hasPolicy }) => !isForced || !hasPolicy);
  if (open.length === 0)
    return [{ level: "ok", subject: "isolation", message: "Row-level security is forced on every table of ours" }];
  return open.map(({ table, isForced }): Finding => {
    if (isForced) return { level: "unfit", subject: "isolation", message: `${table} has lost its row-level security policy` };
    return {
      level: "unfit",
      subject: "isolation",
      message: `Row-level security is not forced on ${table}`,
      remedy: `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;`,
    };
  });
}

async function checkPartitions(reader: SimReader, nowMs: number): Promise<Finding[]> {
  const missing = await reader.query<{ name: string }>({
    name: "check_partitions",
    text: `SELECT wanted AS name FROM unnest($1::text[]) AS wanted
      WHERE to_regnamespace('parlant') IS NOT NULL AND NOT EXISTS
        (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('parlant') AND 'parlant.' || relname = wanted)`,
    values: [monthPartitions(nowMs, 1).map(({ name }) => name)],
  });
  return missing.map(({ name }) => ({
    level: "degraded",
    subject: "migrations",
    message: `${name} is missing: its rows of that month go to the default partition`,
    remedy: MIGRATE,
  }));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
