import { isDatabaseUnavailable } from "./errors.ts";
import type { SimReader } from "./sim-reader.ts";

/**
 * What tells this database from every other, whatever address it is reached by: the cluster's own identifier and the
 * database's number in it. Null where the role may not ask.
 */
export async function readDatabaseIdentity(sim: SimReader): Promise<string | null> {
  try {
    const [row] = await sim.query<{ identity: string }>({
      name: "database_identity",
      text: `select system_identifier || '/' || (select oid from pg_database where datname = current_database()) as identity
        from pg_catalog.pg_control_system()`,
      values: [],
    });
    return row?.identity ?? null;
  } catch (error) {
    if (isDatabaseUnavailable(error)) throw error;
    return null; // no privilege on the function: some hosted databases take it away
  }
}
