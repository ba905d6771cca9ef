import type { SimReader } from "../../db/sim-reader.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { Sweep } from "../../jobs/sweeps.ts";
import type { InboxContext } from "./accept-delivery.ts";

const KEPT_MS = 30 * 86_400_000;
const WORKSPACES_AT_A_TIME = 1_000;

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
      for (let after: string | undefined = ""; after !== undefined; ) {
        const rows: { id: string }[] = await sim.query<{ id: string }>({
          name: "forget_deliveries_workspaces",
          text: "select id from public.workspace where id > $1 order by id limit $2",
          values: [after, WORKSPACES_AT_A_TIME],
        });
        for (const { id } of rows) {
          if (signal.aborted) return;
          const db = openWorkspace(systemBinding(id, "webhook.forget"));
          await db.webhookDelivery.deleteMany({ where: { status: "done", processedAt: { lt: before } } });
        }
        after = rows.at(-1)?.id;
      }
    },
  };
}
