import { afterAll } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import type { Clock } from "../../server/shared/clock.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { createTestDependencies } from "./services.ts";

/** The server's parts on a database of the file's own, until its tests have ended. Awaited at the top of a test file. */
export async function openDependencies(
  overrides: Record<string, string> = {},
  clock?: Clock,
): Promise<{ database: TestDatabase; dependencies: Dependencies }> {
  const database = await createTestDatabase();
  try {
    const dependencies = await createTestDependencies(database.appUrl, overrides, clock);
    afterAll(async () => {
      await dependencies.close();
      await database.drop();
    });
    return { database, dependencies };
  } catch (error) {
    await database.drop();
    throw error;
  }
}
