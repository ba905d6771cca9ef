import { callTRPCProcedure } from "@trpc/server";
import type { DenialSignals } from "../../audit/denial-signals.ts";
import { type Authentication, actingUserId } from "../../auth/principal.ts";
import { appRouter } from "../../router.ts";
import { AppError } from "../../shared/errors.ts";
import type { RequestContext } from "../../trpc/context.ts";
import { recognise } from "../../trpc/enter-workspace.ts";
import { toAppError } from "../../trpc/errors.ts";
import type { AccessAnswers, AccessQuestion } from "../../workspaces/access/schemas.ts";
import type { Decision, Evaluation, EvaluationSemantic } from "./schemas.ts";
import { deny, toQuestion } from "./to-question.ts";

/**
 * The decisions on complete evaluations, in their order: those of workspaces.access.check, asked once for each workspace
 * and subject; `charge` is told of how many calls that is before the first is made. A workspace that is closed to the
 * subject denies, as does one that is not there.
 *
 * @throws AppError FORBIDDEN where a caller asks about another than itself; UNAUTHORIZED, SERVICE_UNAVAILABLE as the calls
 * do; whatever `charge` throws
 */
export async function evaluateAll(
  ctx: RequestContext,
  caller: Authentication,
  evaluations: readonly Evaluation[],
  charge: (calls: number) => void,
): Promise<Decision[]> {
  const asked = evaluations.map((evaluation) => ({ as: subjectContext(ctx, caller, evaluation.subject), evaluation }));
  const decisions = new Map<number, Decision>();
  const groups = new Map<string, Map<string, { as: RequestContext; items: { index: number; question: AccessQuestion }[] }>>();
  for (const [index, { as, evaluation }] of asked.entries()) {
    const translated = as === null ? deny("UNKNOWN_SUBJECT_TYPE") : toQuestion(evaluation);
    if (as === null || "decision" in translated) {
      decisions.set(index, "decision" in translated ? translated : deny("UNKNOWN_SUBJECT_TYPE"));
      continue;
    }
    const ofSubject = groups.get(evaluation.subject.id) ?? new Map();
    const group = ofSubject.get(translated.workspaceId) ?? { as, items: [] };
    group.items.push({ index, question: translated.question });
    groups.set(evaluation.subject.id, ofSubject.set(translated.workspaceId, group));
  }
  // No statement follows that would notice that the credential has ended.
  if (groups.size === 0) await recognise(ctx, true);
  charge([...groups.values()].reduce((calls, ofSubject) => calls + ofSubject.size, 0));
  for (const [, ofSubject] of groups) {
    for (const [workspaceId, { as, items }] of ofSubject) {
      const questions = items.map(({ question }) => question);
      const answers = await decide(as, workspaceId, questions, isBackend(caller));
      for (const [position, { index }] of items.entries()) decisions.set(index, answers[position] ?? deny("NOT_FOUND"));
    }
  }
  return evaluations.map((_, index) => decisions.get(index) ?? deny("NOT_FOUND"));
}

/** The decisions up to the one with which the semantic has its answer. */
export function cutShort(decisions: Decision[], semantic: EvaluationSemantic): Decision[] {
  if (semantic === "execute_all") return decisions;
  const deciding = semantic === "permit_on_first_permit";
  const last = decisions.findIndex(({ decision }) => decision === deciding);
  return last === -1 ? decisions : decisions.slice(0, last + 1);
}

async function decide(
  ctx: RequestContext,
  workspaceId: string,
  checks: AccessQuestion[],
  isOnBehalf: boolean,
): Promise<Decision[]> {
  try {
    const path = "workspaces.access.check";
    const getRawInput = async () => ({ workspaceId, checks });
    const call = { router: appRouter, path, getRawInput, ctx, type: "query" as const, signal: undefined, batchIndex: 0 };
    const { data } = (await callTRPCProcedure(call)) as AccessAnswers;
    return data.map(({ allowed, reason, required, actual }) =>
      allowed ? { decision: true } : { decision: false, context: { ...(reason && { reason }), required, actual } },
    );
  } catch (error) {
    const { code } = toAppError(error);
    // A user of whom the backend asks may be banned or gone, which is no fault of the backend's credential.
    const isDenial = code === "NOT_FOUND" || code === "FORBIDDEN" || (isOnBehalf && code === "UNAUTHORIZED");
    if (!isDenial) throw error;
    return checks.map(() => deny("NOT_FOUND"));
  }
}

/** Sim's backend, acting for no user. */
function isBackend({ principal }: Pick<Authentication, "principal">): boolean {
  return principal.kind === "internal" && principal.userId === null;
}

/**
 * The context in which a subject is decided upon: the caller's where it asks about itself, and one of the subject's where
 * Sim's backend asks; null for a kind of subject that nobody here is. Either way the decision is an answer: it is not
 * slowed, and no denial is charged to a subject that has done nothing. What a caller asks about itself counts for it.
 */
function subjectContext(
  ctx: RequestContext,
  { principal, source }: Authentication,
  subject: Evaluation["subject"],
): RequestContext | null {
  const { audit } = ctx.services;
  const unslowed: DenialSignals = { ...audit.signals, assertNotSlowed() {} };
  if (isBackend({ principal })) {
    if (subject.type !== "user") return null;
    const asked: Authentication = { principal: { kind: "internal", userId: subject.id }, source, proof: null };
    const services = {
      ...ctx.services,
      findCaller: async () => asked,
      audit: { ...audit, signals: { ...unslowed, count() {} } },
    };
    return { ...ctx, services, annotate() {} };
  }
  const isOneself =
    principal.kind === "workspace_api_key"
      ? subject.type === "workspace_api_key" && subject.id === principal.keyId
      : subject.type === "user" && subject.id === actingUserId(principal);
  if (isOneself) return { ...ctx, services: { ...ctx.services, audit: { ...audit, signals: unslowed } } };
  throw new AppError("FORBIDDEN", "Only Sim's backend, with a token that names no user, may ask about another subject", {
    details: { code: "SUBJECT_NOT_PERMITTED" },
  });
}
