import type { Binding } from "../db/binding.ts";
import type { QueryBound } from "../db/client.ts";
import type { SimReader } from "../db/sim-reader.ts";
import type { Clock } from "../shared/clock.ts";
import { boundaryCheck } from "./checks/boundary.ts";
import { canaryCheck } from "./checks/canary.ts";
import { type ContextSample, contextsCheck } from "./checks/contexts.ts";
import { deadLettersCheck } from "./checks/dead-letters.ts";
import { detectionCheck } from "./checks/detection.ts";
import { guardCheck } from "./checks/guard.ts";
import { keysCheck } from "./checks/keys.ts";
import { policiesCheck } from "./checks/policies.ts";
import { reSigningCheck } from "./checks/re-signing.ts";
import { roleCheck } from "./checks/role.ts";
import { verificationCheck } from "./checks/verification.ts";
import { violationsCheck } from "./checks/violations.ts";
import type { Refusals } from "./refusals.ts";
import type { Check } from "./run-check.ts";
import { sharedCheck } from "./shared-check.ts";
import type { RowAccess } from "./signed-rows.ts";
import type { Violations } from "./violations.ts";

/** Everything that a workspace's isolation rests on, each with its own look at it. */
export function workspaceChecks(
  options: RowAccess & {
    sim: SimReader;
    renewConnections(): void;
    queryBound: QueryBound;
    nobody(workspaceId: string): Binding;
    violations: Violations;
    refusals: Refusals;
    lastContextSample(workspaceId: string): ContextSample;
    clock: Clock;
  },
): Check[] {
  const { sim, clock } = options;
  return [
    sharedCheck(roleCheck(options), { clock }),
    sharedCheck(policiesCheck(sim), { clock }),
    canaryCheck(options),
    guardCheck(options),
    keysCheck(options),
    boundaryCheck({ ...options, now: () => clock.now() }),
    reSigningCheck(options),
    detectionCheck({ refusals: options.refusals, now: () => clock.now() }),
    contextsCheck(options.lastContextSample),
    violationsCheck(options),
    deadLettersCheck(options),
    verificationCheck({ ...options, now: () => clock.now() }),
  ];
}
