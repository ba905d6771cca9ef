import pg from "pg";
import { type LockPolicy, migrationSettings, retryOnLock } from "./lock-retry.ts";
import { listMigrations, type SqlFile, toMigrationList } from "./migration-files.ts";
import { openSchemaEngine } from "./schema-engine.ts";
import { MARK_RUNNING } from "./sim-migration-lock.ts";

/** Nothing that the engine could take for its own business: it sees our schema alone. */
const NO_FILTER = { externalTables: [], externalEnums: [] };

/**
 * Applies each pending migration in a transaction of its own, in which it is also recorded as done: a process that is
 * killed leaves it whole or not at all. The schema `parlant` has to be there. Returns the names of those applied.
 * A migration with CONCURRENTLY in it runs statement by statement, so it has to be written to be run again.
 */
export async function applyMigrations(url: string, policy: LockPolicy): Promise<string[]> {
  const migrations = await listMigrations();
  const migrationsList = toMigrationList(migrations);
  const applied: string[] = [];
  let scriptError: unknown;
  const { engine, close } = await openSchemaEngine({
    url,
    onConnect: `SET search_path = parlant; ${migrationSettings(policy)}; ${MARK_RUNNING}`,
    async runScript(connection, script) {
      const migration = migrations.find((one) => one.script === script);
      try {
        await (migration ? runMigration(connection, migration) : connection.query(script));
      } catch (error) {
        scriptError = migration ? new Error(`Migration ${migration.name} failed: ${messageOf(error)}`, { cause: error }) : error;
        throw error;
      }
      if (migration) {
        applied.push(migration.name);
        policy.log(`${migration.name}: applied`);
      }
    },
  });
  try {
    await retryOnLock("Migrations", policy, async () => {
      const history = await engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters: NO_FILTER });
      for (const migrationName of history.failedMigrationNames) await engine.markMigrationRolledBack({ migrationName });
      for (const name of history.editedMigrationNames) policy.log(`${name}: its file was edited after it had been applied`);
      scriptError = undefined;
      // The engine passes on only part of what PostgreSQL said, and no code.
      await engine.applyMigrations({ migrationsList, filters: NO_FILTER }).catch((error) => {
        throw scriptError ?? error;
      });
    });
  } finally {
    await close();
  }
  return applied;
}

async function runMigration(connection: pg.Pool, { name, script }: SqlFile): Promise<void> {
  if (/\bCONCURRENTLY\b/i.test(script)) {
    for (const statement of script.split(/;\s*$/m)) await connection.query(statement);
    return;
  }
  // Sent as one message, the statements are one transaction.
  await connection.query(`${script};
    UPDATE parlant._prisma_migrations SET finished_at = now()
    WHERE migration_name = ${pg.escapeLiteral(name)} AND finished_at IS NULL AND rolled_back_at IS NULL`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
