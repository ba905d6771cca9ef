import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import { createDependencies } from "../../server/dependencies.ts";
import { createAccessResolver } from "../../server/permissions/access.ts";
import { ContextCache } from "../../server/permissions/context-cache.ts";
import { createLogger } from "../../server/shared/logger.ts";
import { serveForParent } from "../support/serve-for-parent.ts";
import { testEnv } from "../support/services.ts";

/** One of several servers on one database; started by server-fleet.ts, and ended by the end of its parent. */
const [databaseUrl, guard] = process.argv.slice(2);
if (!databaseUrl || (guard !== "guarded" && guard !== "unguarded")) {
  throw new Error("usage: revocation-server.ts <database url> guarded|unguarded");
}

const env = testEnv(databaseUrl, { PERMISSION_CACHE_TTL: "3600", RATE_LIMIT_PER_MINUTE: "0", DENIAL_LIMIT_PER_MINUTE: "0" });
const log = createLogger("error");
const dependencies = await createDependencies(env, log);
const { database } = dependencies;

/** The same decisions, remembered alike, and statements that do not look whether they still hold. */
const withoutGuard = createAccessResolver({
  sim: database.sim,
  features: CURRENT_SIM,
  contexts: new ContextCache({ ttlMs: 3_600_000 }),
  nowMs: () => Date.now(),
  openWorkspace: ({ workspaceId }) =>
    database.openWorkspace({
      workspaceId,
      prelude: { name: "unguarded", text: "select parlant.parlant_enter_system($1, $2)", values: [workspaceId, "test"] },
    }),
});

const { services } = dependencies;
await serveForParent(guard === "guarded" ? services : { ...services, resolveAccess: withoutGuard.resolve }, log);
