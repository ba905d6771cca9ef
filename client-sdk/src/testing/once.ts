import type { WorkspaceCall } from "./enter.ts";

const KEPT_MS = 24 * 3_600_000;

/**
 * Does the work of a create once per idempotency key, caller and workspace: the same request again gets the same answer.
 * What failed is not kept.
 *
 * @throws CONFLICT where the key was used for another request
 */
export function once<Answer>(call: WorkspaceCall, procedure: string, input: object, work: () => Answer): Answer {
  const { request, state, principal, tables } = call;
  const { rules } = state;
  const { idempotencyKey } = request;
  if (idempotencyKey === null) return work();
  const key = JSON.stringify([principal.kind, rules.principalId(principal), idempotencyKey]);
  const asked = rules.canonicalJson([procedure, input]);
  const kept = tables.answers.get(key);
  if (kept && kept.createdAtMs + KEPT_MS > state.now()) {
    if (kept.request === asked) return kept.answer as Answer;
    throw new rules.AppError("CONFLICT", "This Idempotency-Key was used for another request", {
      details: { code: "IDEMPOTENCY_KEY_REUSED" },
    });
  }
  const answer = work();
  tables.answers.set(key, { request: asked, answer, createdAtMs: state.now() });
  return answer;
}
