import type { FastifyInstance } from "fastify";
import type { Clock } from "../shared/clock.ts";

export interface Readiness {
  ready: boolean;
  checks: Record<string, string>;
}

/** How long an answer of /readyz stands, however many ask. */
const KEPT_MS = 1_000;

/** Serves /livez, which touches nothing, and /readyz, which asks once a second at most and one question at a time. */
export function serveProbes(
  app: FastifyInstance,
  basePath: string,
  checkReadiness: () => Promise<Readiness>,
  clock: Clock,
): void {
  let kept: { answer: Promise<Readiness>; askedAtMs: number | null } | null = null;
  const ask = (): Promise<Readiness> => {
    // A question still open has no time yet: everybody waits for it.
    if (kept && (kept.askedAtMs === null || clock.now() - kept.askedAtMs < KEPT_MS)) return kept.answer;
    const asked: { answer: Promise<Readiness>; askedAtMs: number | null } = {
      answer: checkReadiness().catch(() => ({ ready: false, checks: { readiness: "failed" } })),
      askedAtMs: null,
    };
    void asked.answer.then(() => {
      asked.askedAtMs = clock.now();
    });
    kept = asked;
    return asked.answer;
  };
  app.get(`${basePath}/livez`, async () => ({ status: "ok" }));
  app.get(`${basePath}/readyz`, async (_request, reply) => {
    const { ready, checks } = await ask();
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready", checks });
  });
}
