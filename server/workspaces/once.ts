import { createHash } from "node:crypto";
import { principalId } from "../auth/principal.ts";
import type { Prisma } from "../db/generated/client.ts";
import type { TransactionContext } from "../permissions/workspace-context.ts";
import { decodeDated, encodeDated } from "../shared/dated-json.ts";
import { AppError } from "../shared/errors.ts";
import { canonicalJson } from "../shared/json.ts";

/** How long an answer is kept for a repeated request. */
const KEPT_MS = 24 * 3_600_000;

/**
 * Does the work of a create once per idempotency key, principal and workspace: the same request again gets the same
 * answer. The answer is kept in the mutation's own transaction, so a request that failed can be repeated.
 *
 * @throws AppError CONFLICT where the key was used for another request, or its first request is still running
 */
export async function once<Result>(
  tx: TransactionContext,
  procedure: string,
  input: object,
  work: () => Promise<Result>,
): Promise<Result> {
  const key = tx.request.idempotencyKey;
  if (key === null) return work();
  const principal = `${tx.principal.kind}:${principalId(tx.principal)}`;
  const requestHash = createHash("sha256")
    .update(canonicalJson([procedure, input]))
    .digest("hex");
  if (!(await tx.db.tryLock(["idempotency", principal, key]))) {
    throw new AppError("CONFLICT", "A request with this Idempotency-Key is still running", {
      details: { code: "IDEMPOTENCY_IN_FLIGHT" },
    });
  }
  const kept = await tx.db.idempotencyKey.findFirst({ where: { principal, key } });
  const now = tx.clock.now();
  if (kept && kept.createdAt.getTime() + KEPT_MS > now) {
    if (kept.requestHash !== requestHash) {
      throw new AppError("CONFLICT", "This Idempotency-Key was used for another request", {
        details: { code: "IDEMPOTENCY_KEY_REUSED" },
      });
    }
    return decodeDated(kept.response) as Result;
  }
  if (kept) await tx.db.idempotencyKey.deleteMany({ where: { principal, key } });
  const result = await work();
  await tx.db.idempotencyKey.createMany({
    data: [
      {
        principal,
        key,
        procedure,
        requestHash,
        response: encodeDated(result) as Prisma.InputJsonValue,
        createdAt: new Date(now),
      },
    ],
  });
  return result;
}
