import { z } from "zod";
import { authenticatedProcedure, namedWorkspacesProcedure } from "../trpc/integration-procedures.ts";
import { publicProcedure } from "../trpc/procedures.ts";
import { ClearCacheInput, ClearedCache, clearCache } from "./clear-cache.ts";
import { checkHealth, IntegrationHealth } from "./health.ts";
import { IntegrationValidation } from "./validate/schemas.ts";

export const simIntegrationRouter = {
  health: publicProcedure("Says whether this server and Sim's database work together; needs no credential.")
    .input(z.strictObject({}).optional())
    .output(IntegrationHealth)
    .query(({ ctx }) => checkHealth(ctx.services)),
  validate: authenticatedProcedure("Looks at everything that this server and Sim have to agree on, for whoever is signed in.")
    .input(z.strictObject({}).optional())
    .output(IntegrationValidation)
    .mutation(({ ctx }) => ctx.services.validateIntegration(ctx.caller.principal)),
  cache: {
    clear: namedWorkspacesProcedure<ClearCacheInput>(
      "integration:clear",
      "Makes every instance forget what it remembers of a workspace or a user; for Sim's backend and the workspace's admins.",
      ({ workspaceId }) => (workspaceId === undefined ? [] : [workspaceId]),
    )
      .input(ClearCacheInput)
      .output(ClearedCache)
      .mutation(({ ctx, input }) => clearCache(ctx, input)),
  },
};
