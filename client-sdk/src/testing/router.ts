import { type AnyTRPCRouter, initTRPC, type TrackedEnvelope, tracked } from "@trpc/server";
import superjson from "superjson";
import type { StreamedEvent } from "../generated/schemas.ts";
import { SERVER_PROCEDURES } from "../generated/server-rules.ts";
import type { Answers } from "./answers.ts";
import type { FakeRequest } from "./enter.ts";
import type { IdentifiedEvent, ProcedurePath, StreamPath } from "./procedures.ts";
import { runProcedure, runStream } from "./run-procedure.ts";
import type { State } from "./state.ts";

/** As the server has them. */
const PING_MS = 15_000;
const RECONNECT_AFTER_MS = 40_000;

interface Router {
  [name: string]: Router | object;
}

/** Every procedure of the server, as tRPC serves them. */
export function createRouter(state: State, answers: Answers): AnyTRPCRouter {
  const { rules } = state;
  const t = initTRPC.context<{ request: FakeRequest }>().create({
    transformer: superjson,
    isDev: false,
    // Tests may run where there is a window.
    isServer: true,
    sse: { ping: { enabled: true, intervalMs: PING_MS }, client: { reconnectAfterInactivityMs: RECONNECT_AFTER_MS } },
    errorFormatter: ({ error, path, ctx }) =>
      rules.toErrorShape(rules.toAppError(error), path ?? "", ctx?.request.requestId ?? ""),
  });
  const procedureOf = (path: ProcedurePath) => {
    const withInput = t.procedure.use(async ({ getRawInput, next }) => next({ ctx: { rawInput: await getRawInput() } }));
    const run = async ({ ctx, signal }: { ctx: { request: FakeRequest; rawInput: unknown }; signal: AbortSignal | undefined }) =>
      told(state, () => runProcedure(answers, { path, ...ctx, signal }));
    switch (SERVER_PROCEDURES[path].type) {
      case "query":
        return withInput.query(run);
      case "mutation":
        return withInput.mutation(run);
      case "subscription":
        return withInput.subscription(async ({ ctx, signal }) => {
          const call = { path: path as StreamPath, ...ctx, signal };
          return outgoing(state, await told(state, async () => runStream(call)));
        });
    }
  };
  const root: Router = {};
  for (const path of Object.keys(SERVER_PROCEDURES) as ProcedurePath[]) {
    const names = path.split(".");
    const last = names.pop() ?? "";
    let node = root;
    for (const name of names) {
      node[name] ??= {};
      node = node[name] as Router;
    }
    node[last] = procedureOf(path);
  }
  return t.router(root as Parameters<typeof t.router>[0]);
}

/** What leaves of a stream, each event under the id by which a client resumes. */
async function* outgoing(state: State, events: AsyncIterable<IdentifiedEvent>): AsyncGenerator<TrackedEnvelope<StreamedEvent>> {
  try {
    for await (const { id, data } of events) yield tracked(id, data);
  } catch (error) {
    throw state.rules.toTrpcError(state.rules.toAppError(error));
  }
}

/** Does the work, with its errors as tRPC takes them. */
async function told<Result>(state: State, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw state.rules.toTrpcError(state.rules.toAppError(error));
  }
}
