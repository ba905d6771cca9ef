import { actingUserId, type Principal } from "../../auth/principal.ts";
import type { Hints } from "../../db/hints.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/logger.ts";
import { type BetterAuthCheckOptions, checkBetterAuth } from "./better-auth-check.ts";
import { checkClock } from "./clock-check.ts";
import { databaseChecks } from "./database-checks.ts";
import { checkHints } from "./hints-check.ts";
import { checkQueue } from "./queue-check.ts";
import type { IntegrationValidation } from "./schemas.ts";
import { skipped, type Verdict } from "./verdict.ts";
import { checkWebhookSecret, type WebhookCheckOptions } from "./webhook-check.ts";

export interface ValidationOptions extends BetterAuthCheckOptions {
  clock: Clock;
  log: Logger;
  hints: Pick<Hints, "state">;
  webhooks: Omit<WebhookCheckOptions, "nowMs">;
  /** How long what is the same for all callers stands: whoever is signed in may ask. */
  ttlMs?: number;
}

/** Looks at everything that this server and Sim have to agree on; the answer names no secret, host or path. */
export type ValidateIntegration = (principal: Principal) => Promise<IntegrationValidation>;

export function createIntegrationValidator(options: ValidationOptions): ValidateIntegration {
  const { sim, clock, log, hints, webhooks, ttlMs = 2_000 } = options;
  let last: { endsAtMs: number; verdicts: Promise<Record<string, Verdict>> } | undefined;

  /** A check that cannot be made says nothing of what it looks at; why is the log's alone. */
  const attempt = async (name: string, check: Promise<Verdict>): Promise<Verdict> =>
    check.catch((error: unknown) => {
      log.warn(
        { check: name, err: { message: error instanceof Error ? error.message : String(error) } },
        "a check could not be made",
      );
      return skipped("The check could not be made; the server's log says why");
    });

  const lookForAll = async (): Promise<Record<string, Verdict>> => {
    const [database, queue, webhookSecret, clocks] = await Promise.all([
      databaseChecks(sim, clock),
      attempt("job_queue", checkQueue(sim)),
      attempt("webhook_secret", checkWebhookSecret({ ...webhooks, nowMs: clock.now() })),
      attempt("clock", checkClock(sim, clock)),
    ]);
    return { ...database, job_queue: queue, webhook_secret: webhookSecret, clock: clocks };
  };
  const verdictsForAll = () => {
    if (last && last.endsAtMs > clock.now()) return last.verdicts;
    last = { endsAtMs: clock.now() + ttlMs, verdicts: lookForAll() };
    return last.verdicts;
  };

  return async (principal) => {
    const [forAll, betterAuth] = await Promise.all([
      verdictsForAll(),
      attempt("better_auth_secret", checkBetterAuth(options, principal)),
    ]);
    const verdicts = { ...forAll, better_auth_secret: betterAuth, hints: checkHints(hints) };
    const checks = Object.entries(verdicts).map(([name, verdict]) => ({ name, ...verdict }));
    const has = (status: Verdict["status"]) => checks.some((check) => check.status === status);
    return {
      integrationStatus: has("failed") ? "unhealthy" : has("warning") ? "degraded" : "healthy",
      checks,
      validatedAt: new Date(clock.now()),
      userId: actingUserId(principal),
    };
  };
}
