import { z } from "zod";
import { publicProcedure } from "../trpc/procedures.ts";
import { checkHealth, IntegrationHealth } from "./health.ts";

export const simIntegrationRouter = {
  health: publicProcedure("Says whether this server and Sim's database work together; needs no credential.")
    .input(z.strictObject({}).optional())
    .output(IntegrationHealth)
    .query(({ ctx }) => checkHealth(ctx.services)),
};
