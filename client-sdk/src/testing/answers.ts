import { SimParlantError } from "../errors.ts";
import type { AnswerablePath, InputOf, OutputOf } from "./procedures.ts";
import type { Schema, ServerRules } from "./server-rules.ts";

/** An answer, or what makes one of the input; what it throws of this package's errors is the call's refusal. */
export type Given<Path extends AnswerablePath> =
  | OutputOf<Path>
  | ((input: InputOf<Path>) => OutputOf<Path> | Promise<OutputOf<Path>>);

/** What a test has said is to be answered, by the procedures' paths. */
export type Answers = Map<string, (input: unknown) => unknown>;

/**
 * The answer that a test gave.
 *
 * @throws BAD_REQUEST where it gave none, or one that the server could not give; else what the answer throws
 */
export async function givenAnswer(
  answers: Answers,
  rules: ServerRules,
  { path, input, output }: { path: string; input: unknown; output: Schema },
): Promise<unknown> {
  const refuse = (code: string, message: string, cause?: unknown) =>
    new rules.AppError("BAD_REQUEST", message, { details: { code }, cause });
  const give = answers.get(path);
  if (!give) {
    const message = `The fake server does not do ${path} by itself: say what it answers, with answer("${path}", …)`;
    throw refuse("NO_ANSWER_GIVEN", message);
  }
  let answer: unknown;
  try {
    answer = await give(input);
  } catch (error) {
    throw asRefusal(rules, error) ?? refuse("ANSWER_FAILED", `The answer given for ${path} failed: ${String(error)}`, error);
  }
  const parsed = output.safeParse(answer);
  if (parsed.success) return parsed.data;
  const { message } = rules.refusedInput(parsed.error);
  throw refuse("ANSWER_INVALID", `The answer given for ${path} is none that the server could give: ${message}`);
}

/** An error of this package's as the server would tell it; null where it is none, or one that no server tells. */
function asRefusal({ AppError }: ServerRules, error: unknown): Error | null {
  if (!SimParlantError.is(error)) return null;
  const { code, message, details, retryAfterMs } = error;
  if (code === "TIMEOUT" || code === "ABORTED" || code === "CONNECTION" || code === "INVALID_RESPONSE") return null;
  return new AppError(code, message, {
    ...(details && { details }),
    ...(retryAfterMs !== undefined && { retryAfterSeconds: retryAfterMs / 1_000 }),
  });
}
