import { z } from "zod";
import { simId } from "../../shared/text.ts";

/** Of what a client sends beside, nothing is judged and nothing is refused. Source: AuthZEN Authorization API 1.0, section 5. */
const Properties = z.record(z.string(), z.unknown()).optional();
const Subject = z.looseObject({ type: simId, id: simId, properties: Properties });
const Resource = z.looseObject({ type: simId, id: simId, properties: Properties });
const Action = z.looseObject({ name: simId, properties: Properties });
const Context = z.record(z.string(), z.unknown()).optional();

/** One question, complete. */
export const Evaluation = z.looseObject({ subject: Subject, action: Action, resource: Resource, context: Context });
export type Evaluation = z.output<typeof Evaluation>;

export const EVALUATION_SEMANTICS = ["execute_all", "deny_on_first_deny", "permit_on_first_permit"] as const;
export type EvaluationSemantic = (typeof EVALUATION_SEMANTICS)[number];

const MAX_EVALUATIONS = 100;

/** Several questions; what stands beside them holds for each that does not say otherwise. */
export const Evaluations = z.looseObject({
  subject: Subject.optional(),
  action: Action.optional(),
  resource: Resource.optional(),
  context: Context,
  evaluations: z.array(z.looseObject({})).max(MAX_EVALUATIONS).optional(),
  options: z.looseObject({ evaluations_semantic: z.enum(EVALUATION_SEMANTICS).default("execute_all") }).optional(),
});
export type Evaluations = z.output<typeof Evaluations>;

/** A decision; a question that could not be decided upon is denied, and says why. */
export interface Decision {
  decision: boolean;
  context?: { reason?: string; required?: string; actual?: string | null; error?: { status: number; message: string } };
}
