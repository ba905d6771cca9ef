import { eachWorkspace } from "../../db/each-workspace.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { Sweep } from "../../jobs/sweeps.ts";
import type { Logger } from "../../shared/logger.ts";
import type { InboxContext } from "./accept-delivery.ts";

export interface ForgetOptions extends Pick<InboxContext, "openWorkspace" | "clock"> {
  sim: SimReader;
  log: Logger;
  batchSize?: number;
}

const KEPT_MS = 30 * 86_400_000;

/**
 * Deliveries that were carried out are forgotten after 30 days: so long the same one is known to be a duplicate. What fails
 * in one workspace is logged, and tried again by the next sweep.
 */
export function forgetDeliveries({ sim, openWorkspace, clock, log, batchSize = 1_000 }: ForgetOptions): Sweep {
  return {
    name: "forget-deliveries",
    everySeconds: 86_400,
    async run(signal) {
      const where = { status: "done", processedAt: { lt: new Date(clock.now() - KEPT_MS) } } as const;
      for await (const workspaceId of eachWorkspace(sim)) {
        if (signal.aborted) return;
        try {
          const db = openWorkspace(systemBinding(workspaceId, "webhook.forget"));
          // In statements that end within their time, however much has come together.
          for (let count = batchSize; count === batchSize && !signal.aborted; ) {
            ({ count } = await db.webhookDelivery.deleteMany({ where, limit: batchSize }));
          }
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          log.warn({ workspaceId, err: { message } }, "old deliveries could not be forgotten; the next sweep tries again");
        }
      }
    },
  };
}
