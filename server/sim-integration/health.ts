import { readFileSync } from "node:fs";
import type { SimReader } from "../db/sim-reader.ts";
import type { Clock } from "../shared/clock.ts";
import type { IntegrationHealth } from "./health-schema.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };

/** Whether this server and Sim's database can work together at this moment; it names no host, secret or reason. */
export async function checkHealth({ sim, clock }: { sim: SimReader; clock: Clock }): Promise<IntegrationHealth> {
  const isReachable = await sim.query({ name: "health", text: "select 1 from public.workspace limit 1", values: [] }).then(
    () => true,
    () => false, // the caller learns only that it is away; the pool logs why
  );
  return { status: isReachable ? "healthy" : "unhealthy", integration: "sim-parlant", version, timestamp: new Date(clock.now()) };
}
