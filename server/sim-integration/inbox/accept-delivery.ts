import { hash } from "node:crypto";
import { z } from "zod";
import type { Binding } from "../../db/binding.ts";
import type { Hints } from "../../db/hints.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { WorkspaceDb, WorkspaceTransaction } from "../../db/workspace-db.ts";
import { enqueue } from "../../jobs/job-kind.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { Clock } from "../../shared/clock.ts";
import { AppError } from "../../shared/errors.ts";
import type { SimEvent } from "../sim-event.ts";
import type { WebhookKind } from "./read-event.ts";
import { WEBHOOK_JOB } from "./webhook-job-name.ts";

/** What deliveries are accepted with. */
export interface InboxContext {
  openWorkspace(binding: Binding): WorkspaceDb;
  jobs: Pick<Jobs, "wake">;
  hints: Pick<Hints, "announce">;
  clock: Clock;
}

export interface Delivery {
  kind: WebhookKind;
  /** As the sender named it; null where its body's hash has to do. */
  id: string | null;
  body: Uint8Array;
  event: SimEvent;
}

export const AcceptedDelivery = z.object({
  status: z.literal("accepted"),
  deliveryId: z.string().describe("As the sender named it, or the hash of its body"),
  duplicate: z.boolean().describe("Whether it had been received before; it has its effect once"),
});
export type AcceptedDelivery = z.output<typeof AcceptedDelivery>;

/** Events after which what is remembered of permissions may be out of date. */
const OF_PERMISSIONS: ReadonlySet<SimEvent["type"]> = new Set([
  "workspace_permissions_updated",
  "workspace_member_added",
  "workspace_member_removed",
  "workspace_ownership_transferred",
]);

/**
 * The delivery is durably stored with the job that carries it out, both or neither. One that is there already is left as
 * it is, and queued again where it had failed. An id is its workspace's: what another workspace calls the same is another.
 *
 * @throws AppError CONFLICT where the id is another body's
 */
export async function acceptDelivery(ctx: InboxContext, delivery: Delivery): Promise<AcceptedDelivery> {
  const { event } = delivery;
  const bodySha256 = hash("sha256", delivery.body, "buffer");
  const id = delivery.id ?? bodySha256.toString("hex");
  const db = ctx.openWorkspace(systemBinding(event.workspaceId, "webhook.accept"));
  const { isNew, isQueued } = await db.transaction((tx) => store(tx, { ...delivery, id, bodySha256 }, ctx.clock));
  if (isQueued) {
    if (OF_PERMISSIONS.has(event.type)) announce(ctx, event);
    ctx.jobs.wake(WEBHOOK_JOB);
  }
  return { status: "accepted", deliveryId: id, duplicate: !isNew };
}

interface StoredDelivery extends Delivery {
  id: string;
  bodySha256: Buffer;
}

async function store(
  tx: WorkspaceTransaction,
  { id, kind, body, bodySha256 }: StoredDelivery,
  clock: Clock,
): Promise<{ isNew: boolean; isQueued: boolean }> {
  const receivedAt = new Date(clock.now());
  const row = { id, kind, body: Uint8Array.from(body), bodySha256: Uint8Array.from(bodySha256), receivedAt };
  const { count } = await tx.webhookDelivery.createMany({ data: [row], skipDuplicates: true });
  if (count === 0) {
    const known = await tx.webhookDelivery.findFirst({ where: { id }, select: { bodySha256: true, status: true } });
    if (!known || !bodySha256.equals(known.bodySha256))
      throw new AppError("CONFLICT", "This delivery's id was used for another body");
    if (known.status !== "failed" && known.status !== "dead") return { isNew: false, isQueued: false };
    if ((await requeue(tx, [id])) === 0) return { isNew: false, isQueued: false };
  }
  await enqueue(tx, WEBHOOK_JOB, { deliveryId: id });
  return { isNew: count > 0, isQueued: true };
}

/** Of these, how many had failed and are pending again; of two who ask at once only one is told of each. */
export async function requeue(tx: WorkspaceTransaction, ids: string[]): Promise<number> {
  const { count } = await tx.webhookDelivery.updateMany({
    where: { id: { in: ids }, status: { in: ["failed", "dead"] } },
    data: { status: "pending", attempts: 0 },
  });
  return count;
}

function announce({ hints }: InboxContext, { workspaceId, userIds }: SimEvent): void {
  const users = userIds.length > 0 ? userIds : [null];
  for (const userId of users) hints.announce({ kind: "permissions", workspaceId, userId });
}
