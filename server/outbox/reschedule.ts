import type { EndpointDelivery } from "../db/generated/client.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import { enqueue } from "../jobs/job-kind.ts";
import type { Clock } from "../shared/clock.ts";
import { DELIVER_EVENT } from "./delivery-job.ts";

/** The delivery waits until its endpoint is tried again; no try is counted. */
export async function reschedule(
  db: WorkspaceDb,
  { id, attempts }: EndpointDelivery,
  delaySeconds: number,
  clock: Clock,
): Promise<void> {
  await db.transaction(async (tx) => {
    const { count } = await tx.endpointDelivery.updateMany({
      where: { id, status: "pending", attempts },
      data: { nextAttemptAt: new Date(clock.now() + delaySeconds * 1_000) },
    });
    if (count > 0) await enqueue(tx, DELIVER_EVENT, { deliveryId: id, attempts }, { startAfterSeconds: delaySeconds });
  });
}
