import type { FastifyInstance, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Authentication } from "../../auth/principal.ts";
import { type ContextOptions, createRequestContext } from "../../http/request-context.ts";
import { type Issue, invalidInput } from "../../shared/errors.ts";
import type { RequestContext } from "../../trpc/context.ts";
import { recognise } from "../../trpc/enter-workspace.ts";
import { cutShort, evaluateAll } from "./evaluate.ts";
import { type Decision, Evaluation, Evaluations } from "./schemas.ts";
import { invalid } from "./to-question.ts";

/** Where the AuthZEN Authorization API 1.0 has its endpoints, under the base path. */
export const AUTHZEN_PREFIX = "/access/v1/";

/** Serves the AuthZEN API: the same decisions, for whatever speaks its protocol. A denial is an answer, and no error. */
export function serveAuthzen(app: FastifyInstance, basePath: string, options: ContextOptions): void {
  const serve = (name: string, answer: (ctx: RequestContext, caller: Authentication, body: unknown) => Promise<object>) =>
    app.post(`${basePath}${AUTHZEN_PREFIX}${name}`, async (request: FastifyRequest) => {
      request.note.procedure = `authzen.${name}`;
      const ctx = createRequestContext(request, options);
      return answer(ctx, await recognise(ctx, false), request.body);
    });
  serve("evaluation", (ctx, caller, body) => evaluateOne(ctx, caller, body));
  serve("evaluations", (ctx, caller, body) => evaluateSeveral(ctx, caller, body));
}

/** @throws AppError BAD_REQUEST where the question lacks what it takes */
async function evaluateOne(ctx: RequestContext, caller: Authentication, body: unknown): Promise<Decision> {
  const [decision] = await evaluateAll(ctx, caller, [parse(Evaluation, body)]);
  const error = decision?.context?.error;
  if (!decision || error) throw invalidInput([{ path: [], message: error?.message ?? "nothing was asked" }]);
  return decision;
}

/** Without any evaluations it is a single one. Source: AuthZEN Authorization API 1.0, section 7. */
async function evaluateSeveral(ctx: RequestContext, caller: Authentication, body: unknown): Promise<object> {
  const { evaluations = [], options, ...defaults } = parse(Evaluations, body);
  if (evaluations.length === 0) return evaluateOne(ctx, caller, defaults);
  const { subject, action, resource, context } = defaults;
  const parsed = evaluations.map((one) => Evaluation.safeParse({ subject, action, resource, context, ...one }));
  const complete = parsed.flatMap(({ data }) => data ?? []);
  const decided = await evaluateAll(ctx, caller, complete);
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
