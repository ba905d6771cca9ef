import type { FastifyInstance } from "fastify";
import type { z } from "zod";
import { applyApiHeaders } from "../../http/api-headers.ts";
import { type ContextOptions, createRequestContext } from "../../http/request-context.ts";
import { type ErrorCode, type Issue, invalidInput } from "../../shared/errors.ts";
import { recognise } from "../../trpc/enter-workspace.ts";
import { toAppError } from "../../trpc/errors.ts";
import { cutShort, evaluateAll } from "./evaluate.ts";
import { type Decision, Evaluation, Evaluations } from "./schemas.ts";
import { invalid } from "./to-question.ts";

/** Where the AuthZEN Authorization API 1.0 has its endpoints, under the base path. */
export const AUTHZEN_PREFIX = "/access/v1/";

const REFUSALS_OF_QUESTIONS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["BAD_REQUEST", "FORBIDDEN"]);

type Evaluate = (evaluations: readonly Evaluation[]) => Promise<Decision[]>;

/** Serves the AuthZEN API: the same decisions, for whatever speaks its protocol. A denial is an answer, and no error. */
export function serveAuthzen(app: FastifyInstance, basePath: string, options: ContextOptions): void {
  const serve = (name: string, answer: (evaluate: Evaluate, body: unknown) => Promise<object>) =>
    app.post(`${basePath}${AUTHZEN_PREFIX}${name}`, async (request, reply) => {
      request.note.procedure = `authzen.${name}`;
      const ctx = createRequestContext(request, options);
      const caller = await recognise(ctx, false);
      // The request itself has been counted, and stands for one call.
      const charge = (calls: number) => {
        if (calls > 1) applyApiHeaders(request, reply, options.limiter, () => calls - 1);
      };
      try {
        return await answer((evaluations) => evaluateAll(ctx, caller, evaluations, charge), request.body);
      } catch (error) {
        // A refusal of the question itself has made no statement that would notice that the credential has ended.
        if (REFUSALS_OF_QUESTIONS.has(toAppError(error).code)) await recognise(ctx, true);
        throw error;
      }
    });
  serve("evaluation", evaluateOne);
  serve("evaluations", evaluateSeveral);
}

/** @throws AppError BAD_REQUEST where the question lacks what it takes */
async function evaluateOne(evaluate: Evaluate, body: unknown): Promise<Decision> {
  const [decision] = await evaluate([parse(Evaluation, body)]);
  const error = decision?.context?.error;
  if (!decision || error) throw invalidInput([{ path: [], message: error?.message ?? "nothing was asked" }]);
  return decision;
}

/** Without any evaluations it is a single one. Source: AuthZEN Authorization API 1.0, section 7. */
async function evaluateSeveral(evaluate: Evaluate, body: unknown): Promise<object> {
  const { evaluations = [], options, ...defaults } = parse(Evaluations, body);
  if (evaluations.length === 0) return evaluateOne(evaluate, defaults);
  const { subject, action, resource, context } = defaults;
  const parsed = evaluations.map((one) => Evaluation.safeParse({ subject, action, resource, context, ...one }));
  const complete = parsed.flatMap(({ data }) => data ?? []);
  const decided = await evaluate(complete);
  const decisions = parsed.map(({ success, error }) =>
    success
      ? (decided.shift() as Decision)
      : invalid(
          issuesOf(error)
            .map(({ path, message }) => `${path.join(".")}: ${message}`)
            .join("; "),
        ),
  );
  return { evaluations: cutShort(decisions, options?.evaluations_semantic ?? "execute_all") };
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw invalidInput(issuesOf(parsed.error));
}

function issuesOf(error: z.ZodError): Issue[] {
  return error.issues.map(({ path, message }) => ({
    path: path.map((step) => (typeof step === "symbol" ? String(step) : step)),
    message,
  }));
}
