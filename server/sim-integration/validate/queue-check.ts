import { readQueues } from "../../db/queue-state.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import { passed, type Verdict, warning } from "./verdict.ts";

const LATE_SECONDS = 60;

/** Whether jobs are taken in their time, and none has failed for good lately. */
export async function checkQueue(sim: SimReader): Promise<Verdict> {
  const queues = await readQueues(sim);
  const late = Math.max(0, ...queues.map(({ overdueSeconds }) => overdueSeconds));
  if (late > LATE_SECONDS) {
    return warning(`A job has been waiting for ${Math.round(late)} s past its time`, "See whether an instance runs, and its log");
  }
  const failed = queues.reduce((sum, queue) => sum + queue.failed, 0);
  if (failed > 0) {
    return warning(
      `${failed} jobs failed for good within the last hour`,
      "The log says why; then replay them, or sync the workspace",
    );
  }
  return passed("Jobs are taken in their time");
}
