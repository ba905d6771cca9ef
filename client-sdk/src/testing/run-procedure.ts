import type { StreamedEvent } from "../generated/schemas.ts";
import { SERVER_PROCEDURES, SERVER_VERSION } from "../generated/server-rules.ts";
import { type Answers, givenAnswer } from "./answers.ts";
import { assertOpen, enterWorkspace, type FakeRequest, recognise, type WorkspaceCall } from "./enter.ts";
import { streamEvents } from "./events.ts";
import { OPEN_HANDLERS, WORKSPACE_HANDLERS } from "./handlers.ts";
import type { IdentifiedEvent, InputOf, ProcedurePath, StreamPath } from "./procedures.ts";
import type { Schema } from "./server-rules.ts";
import type { State } from "./state.ts";

/** A call as it came. */
export interface ProcedureCall {
  path: ProcedurePath;
  request: FakeRequest;
  rawInput: unknown;
  signal: AbortSignal | undefined;
}

/** The handlers' own types say what each is given; looked up by a path they are all alike. */
type Handler = (call: unknown, input: unknown) => unknown;
const HANDLERS = { ...WORKSPACE_HANDLERS, ...OPEN_HANDLERS } as Partial<Record<ProcedurePath, unknown>> as Partial<
  Record<ProcedurePath, Handler>
>;

/**
 * What the procedure answers: as a test said, else as the fake does it. The caller is let in before its input is looked
 * at, as the server does it, and both the input and the answer are as the server's own schemas have them.
 *
 * @throws what the server refuses with; BAD_REQUEST where neither the fake nor the test has an answer
 */
export async function runProcedure(answers: Answers, call: ProcedureCall): Promise<unknown> {
  const { path, request, rawInput } = call;
  const { state } = request;
  const { type, output } = SERVER_PROCEDURES[path];
  const entered = enter(call);
  const input = parsedInput(state, path, rawInput);
  const handle = HANDLERS[path];
  if (answers.has(path) || !handle) return givenAnswer(answers, state.rules, { path, input, output });
  const answer = await handle(entered ?? { now: state.now, version: SERVER_VERSION }, input);
  if (type === "mutation") state.changes.announce();
  return parsedOutput(path, output, answer);
}

/** The events, once the caller has been let in and sees the session. Throws as runProcedure does. */
export function runStream(call: ProcedureCall & { path: StreamPath }): AsyncIterable<IdentifiedEvent> {
  const { path, request, rawInput } = call;
  const entered = enterWorkspace(request, SERVER_PROCEDURES[path].permission, rawInput, call.signal);
  return parsedEvents(path, streamEvents(entered, parsedInput(request.state, path, rawInput) as InputOf<StreamPath>));
}

async function* parsedEvents(path: StreamPath, events: AsyncIterable<IdentifiedEvent>): AsyncGenerator<IdentifiedEvent, void> {
  const { output } = SERVER_PROCEDURES[path];
  for await (const { id, data } of events) yield { id, data: parsedOutput(path, output, data) as StreamedEvent };
}

/** Lets the caller into the workspace, where the procedure is one of a workspace; in any other it has to be known at least. */
function enter({ path, request, rawInput, signal }: ProcedureCall): WorkspaceCall | undefined {
  const { permission } = SERVER_PROCEDURES[path];
  if (path.startsWith("workspaces.")) return enterWorkspace(request, permission, rawInput, signal);
  if (permission === "public") assertOpen(request.state);
  else recognise(request);
  return undefined;
}

function parsedInput({ rules }: State, path: ProcedurePath, rawInput: unknown): unknown {
  const parsed = SERVER_PROCEDURES[path].input.safeParse(rawInput);
  if (!parsed.success) throw rules.refusedInput(parsed.error);
  return parsed.data;
}

function parsedOutput(path: ProcedurePath, output: Schema, answer: unknown): unknown {
  const parsed = output.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new Error(`The fake server's answer of ${path} is none of the server's: ${JSON.stringify(parsed.error.issues)}`);
}
