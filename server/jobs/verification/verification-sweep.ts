import { eachWorkspace } from "../../db/each-workspace.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Sweep } from "../sweeps.ts";
import { type VerifyOptions, verifyWorkspace } from "./verify-workspace.ts";

/** How the verification of all workspaces goes, as this process knows it. */
export interface VerificationStatus {
  /** When this process last went through all workspaces; null where it has not. */
  endedAtMs: number | null;
  /** Problems that it has found, and workspaces that could not be verified, since it began. */
  problems: number;
  failures: number;
}

export interface VerificationSweep extends Sweep {
  status(): VerificationStatus;
}

/** Looks each hour which workspaces were not verified for a day. What fails in one holds up no other, and is tried again in the next. */
export function createVerificationSweep(options: VerifyOptions & { sim: SimReader; log: Logger }): VerificationSweep {
  const { sim, log, clock } = options;
  const status: VerificationStatus = { endedAtMs: null, problems: 0, failures: 0 };
  return {
    name: "verification",
    everySeconds: 3_600,
    status: () => ({ ...status }),
    async run(signal) {
      for await (const workspaceId of eachWorkspace(sim)) {
        if (signal.aborted) return;
        try {
          const problems = await verifyWorkspace(options, workspaceId, signal);
          if (!problems) continue;
          status.problems += problems;
          log.error({ workspaceId, problems }, "verification: not all is as it should be; isolation health says what");
        } catch (error) {
          status.failures++;
          const message = error instanceof Error ? error.message : String(error);
          log.warn(
            { workspaceId, err: { message } },
            "verification: a workspace could not be verified; the next sweep tries again",
          );
        }
      }
      status.endedAtMs = clock.now();
    },
  };
}
