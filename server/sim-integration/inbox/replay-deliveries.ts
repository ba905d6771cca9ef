import { z } from "zod";
import { systemBinding } from "../../db/system-binding.ts";
import { enqueue } from "../../jobs/job-kind.ts";
import { simId } from "../../shared/text.ts";
import { type InboxContext, requeue } from "./accept-delivery.ts";
import { WEBHOOK_JOB } from "./webhook-job-name.ts";

const AT_MOST = 1_000;

export const ReplayInput = z.strictObject({
  workspaceId: simId,
  deliveryIds: z
    .array(z.string().min(1).max(255))
    .min(1)
    .max(AT_MOST)
    .optional()
    .describe("Of those that failed, only these; else the oldest thousand that failed for good"),
});
export type ReplayInput = z.output<typeof ReplayInput>;

export const ReplayedDeliveries = z.object({ replayed: z.int().min(0).describe("How many were queued again") });
export type ReplayedDeliveries = z.output<typeof ReplayedDeliveries>;

/** Deliveries that have failed are queued again, with all their tries before them. */
export async function replayDeliveries(
  ctx: Pick<InboxContext, "openWorkspace" | "jobs">,
  { workspaceId, deliveryIds }: ReplayInput,
): Promise<ReplayedDeliveries> {
  const db = ctx.openWorkspace(systemBinding(workspaceId, "webhook.replay"));
  const replayed = await db.transaction(async (tx) => {
    const failed = await tx.webhookDelivery.findMany({
      where: deliveryIds ? { id: { in: deliveryIds }, status: { in: ["failed", "dead"] } } : { status: "dead" },
      orderBy: { receivedAt: "asc" },
      take: AT_MOST,
      select: { id: true },
    });
    let count = 0;
    for (const { id } of failed) {
      if ((await requeue(tx, [id])) === 0) continue;
      await enqueue(tx, WEBHOOK_JOB, { deliveryId: id });
      count++;
    }
    return count;
  });
  ctx.jobs.wake(WEBHOOK_JOB);
  return { replayed };
}
