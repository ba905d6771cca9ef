import type { SimReader } from "../../db/sim-reader.ts";
import type { Clock } from "../../shared/clock.ts";
import { failed, passed, type Verdict, warning } from "./verdict.ts";

const NOTED_MS = 2_000;
/** A fifth of what a webhook's time may be off, and more than any time-to-live here forgives. */
const BAD_MS = 60_000;
const REMEDY = "Set both machines' clocks by NTP";

/** How far the server's clock is from the database's, the time that asking takes aside. */
export async function checkClock(sim: SimReader, clock: Clock): Promise<Verdict> {
  const beforeMs = clock.now();
  const [row] = await sim.query<{ ms: number }>({
    name: "validate_clock",
    text: "SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms",
    values: [],
  });
  const afterMs = clock.now();
  const databaseMs = row?.ms ?? Number.NaN;
  const skewMs = Math.max(0, beforeMs - databaseMs, databaseMs - afterMs);
  const message = `The server's clock and the database's are ${(skewMs / 1_000).toFixed(1)} s apart`;
  if (!(skewMs <= BAD_MS)) return failed(message, REMEDY);
  return skewMs > NOTED_MS ? warning(message, REMEDY) : passed("The server's clock and the database's agree");
}
