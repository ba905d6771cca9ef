import type { SimFeatures } from "../db/sim-features.ts";
import type { SimReader } from "../db/sim-reader.ts";

/** Whether Sim lets personal API keys into the workspace; a Sim that cannot forbid them always does. */
export async function allowsPersonalApiKeys(sim: SimReader, features: SimFeatures, workspaceId: string): Promise<boolean> {
  if (!features.allowPersonalApiKeys) return true;
  const [row] = await sim.query<{ isAllowed: boolean }>({
    name: "personal_api_keys",
    text: `select coalesce(allow_personal_api_keys, true) as "isAllowed" from public.workspace where id = $1`,
    values: [workspaceId],
  });
  return row?.isAllowed ?? true;
}
