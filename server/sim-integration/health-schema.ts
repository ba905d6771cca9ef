import { z } from "zod";

export const IntegrationHealth = z.object({
  status: z.enum(["healthy", "unhealthy"]),
  integration: z.literal("sim-parlant"),
  version: z.string(),
  timestamp: z.date(),
});
export type IntegrationHealth = z.output<typeof IntegrationHealth>;
