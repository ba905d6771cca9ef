import { createDependencies } from "../../../server/dependencies.ts";
import { createLogger } from "../../../server/shared/logger.ts";
import { purgeWorkspace } from "../../../server/sim-integration/purge/purge-workspace.ts";
import { testEnv } from "../../support/services.ts";

/** Purges a workspace in a process of its own, a few rows at a time, and says so before each transaction. */
const [databaseUrl = "", workspaceId = "", exportDirectory = ""] = process.argv.slice(2);
const env = testEnv(databaseUrl, { EXPORT_DIR: exportDirectory, PARLANT_DATA_DIR: `${exportDirectory}-data` });
const dependencies = await createDependencies(env, createLogger("error"));
const access = dependencies.purge;
await purgeWorkspace(
  {
    ...access,
    rowsPerBatch: 2,
    openRows(binding) {
      const rows = access.openRows(binding);
      return {
        ...rows,
        transaction(work) {
          process.stdout.write("transaction\n");
          return rows.transaction(work);
        },
      };
    },
    async seal(id) {
      process.stdout.write("seal\n");
      await access.seal(id);
    },
  },
  { workspaceId, isExportAsked: true },
);
process.stdout.write("done\n");
await dependencies.close();
