import { readdir, readFile } from "node:fs/promises";
import type { MigrationList } from "@prisma/schema-engine-wasm";

const MIGRATIONS = new URL("../../prisma/migrations/", import.meta.url);
const SIM_TABLES = new URL("../../prisma/sim-tables/", import.meta.url);

export interface SqlFile {
  name: string;
  script: string;
}

/** Our migrations, in the order in which they apply. */
export async function listMigrations(): Promise<SqlFile[]> {
  const entries = await readdir(MIGRATIONS, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return readAll(names, (name) => new URL(`${name}/migration.sql`, MIGRATIONS));
}

/** The scripts that make Sim's own tables in an empty database, in the order in which they run. */
export async function listSimTableScripts(): Promise<SqlFile[]> {
  const names = (await readdir(SIM_TABLES)).filter((name) => name.endsWith(".sql"));
  return readAll(names, (name) => new URL(name, SIM_TABLES));
}

/** Migrations in the form in which Prisma's schema engine takes them. */
export function toMigrationList(migrations: SqlFile[]): MigrationList {
  return {
    baseDir: "migrations",
    lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
    shadowDbInitScript: "",
    migrationDirectories: migrations.map(({ name, script }) => ({
      path: name,
      migrationFile: { path: "migration.sql", content: { tag: "ok", value: script } },
    })),
  };
}

function readAll(names: string[], locate: (name: string) => URL): Promise<SqlFile[]> {
  return Promise.all(names.sort().map(async (name) => ({ name, script: await readFile(locate(name), "utf8") })));
}
