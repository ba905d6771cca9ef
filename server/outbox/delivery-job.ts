import { z } from "zod";

/** The job that sends one delivery. */
export const DELIVER_EVENT = {
  name: "deliver-event",
  data: z.object({ workspaceId: z.string(), deliveryId: z.uuid() }),
};
export type DeliverEventJob = z.output<typeof DELIVER_EVENT.data>;
