import { eachWorkspace } from "../../db/each-workspace.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { Sweep } from "../../jobs/sweeps.ts";
import type { InboxContext } from "./accept-delivery.ts";

const KEPT_MS = 30 * 86_400_000;

/** Deliveries that were carried out are forgotten after 30 days: so long the same one is known to be a duplicate. */
export function forgetDeliveries({
  sim,
  openWorkspace,
  clock,
}: Pick<InboxContext, "openWorkspace" | "clock"> & { sim: SimReader }): Sweep {
  return {
    name: "forget-deliveries",
    everySeconds: 86_400,
    async run(signal) {
      const before = new Date(clock.now() - KEPT_MS);
      for await (const id of eachWorkspace(sim)) {
        if (signal.aborted) return;
        const db = openWorkspace(systemBinding(id, "webhook.forget"));
        await db.webhookDelivery.deleteMany({ where: { status: "done", processedAt: { lt: before } } });
      }
    },
  };
}
