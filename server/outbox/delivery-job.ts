import { z } from "zod";

/** The job that sends one delivery. */
export const DELIVER_EVENT = {
  name: "deliver-event",
  data: z.object({
    workspaceId: z.string(),
    deliveryId: z.uuid(),
    /** How many tries there were when the job was made: one that is made again, or came late, is of a try that is over. */
    attempts: z.int().min(0).optional(),
  }),
};
export type DeliverEventJob = z.output<typeof DELIVER_EVENT.data>;
