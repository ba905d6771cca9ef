import { z } from "zod";

/** What every answer says of the workspace it was confined to. */
export const Isolation = z
  .object({
    workspaceId: z.string(),
    verified: z.boolean().describe("Whether the boundary of every row in this answer was verified"),
  })
  .describe("The workspace that this answer was confined to");
export type Isolation = z.output<typeof Isolation>;
