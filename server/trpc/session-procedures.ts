import { type TRPCSubscriptionProcedure, type TrackedEnvelope, tracked } from "@trpc/server";
import type { z } from "zod";
import type { LeveledSessionRow } from "../db/session-view.ts";
import { type AgentOperation, OPERATIONS } from "../permissions/levels.ts";
import { inTransaction, type TransactionContext, type WorkspaceContext } from "../permissions/workspace-context.ts";
import type { StreamCall } from "../workspaces/events/stream-events.ts";
import { loadSession } from "../workspaces/sessions/load-session.ts";
import { beginAttempt, noteFailure } from "./attempt.ts";
import { withWorkspace } from "./enter-workspace.ts";
import { toTrpcError } from "./errors.ts";
import {
  type EnteredContext,
  enteredProcedure,
  type Opener,
  parsedSynchronously,
  recorded,
  type Step,
  step,
  type UntypedVerb,
} from "./procedures.ts";
import type { ProcedureMeta } from "./trpc.ts";

interface SessionInput {
  workspaceId: string;
  sessionId: string;
}

/**
 * A procedure on one session, for callers who see it and whose level on its agent reaches what the operation needs. The
 * verb is handed the session, already decided upon: a query as it was read, a mutation locked inside its transaction.
 */
export function sessionProcedure(
  operation: AgentOperation,
  summary: string,
): Step<
  { ctx: WorkspaceContext; session: LeveledSessionRow },
  { ctx: TransactionContext; session: LeveledSessionRow },
  SessionInput
> {
  const level = OPERATIONS[operation].agent;
  const act = async (ctx: WorkspaceContext | TransactionContext, input: unknown, verb: UntypedVerb) =>
    verb({ ctx, session: await loadSession(ctx, (input as SessionInput).sessionId, level), input });
  const query: Opener<EnteredContext> = (ctx, input, verb) =>
    withWorkspace(ctx, ctx.entry, async (workspace) => recorded(workspace, input, await act(workspace, input, verb)));
  const mutation: Opener<EnteredContext> = (ctx, input, verb) =>
    withWorkspace(ctx, ctx.entry, (workspace) => inTransaction(workspace, (tx) => act(tx, input, verb)));
  return step(enteredProcedure(operation, summary), { query, mutation });
}

/**
 * A procedure on the events of one session, for the same callers. It is handed no session: the statement that reads or
 * appends events decides upon it, so that there is no other.
 */
export function eventProcedure(
  operation: AgentOperation,
  summary: string,
): Step<{ ctx: WorkspaceContext }, { ctx: WorkspaceContext }, SessionInput> {
  const open: Opener<EnteredContext> = (ctx, input, verb) =>
    withWorkspace(ctx, ctx.entry, async (workspace) => verb({ ctx: workspace, input }));
  return step(enteredProcedure(operation, summary), { query: open, mutation: open });
}

/** A stream's step of the ladder: what it takes, what each of its items is, and what opens it. */
export interface StreamStep<Base> {
  input<Input extends z.ZodType<Base>>(
    schema: Input,
  ): {
    output<Output extends z.ZodType>(
      schema: Output,
    ): {
      subscription(
        verb: (args: {
          call: StreamCall;
          input: z.output<Input>;
        }) => Promise<AsyncIterable<{ id: string; data: z.input<Output> }>>,
      ): TRPCSubscriptionProcedure<{
        input: z.input<Input>;
        output: AsyncIterable<{ id: string; data: z.output<Output> }>;
        meta: ProcedureMeta;
      }>;
    };
  };
}

/**
 * A stream of the events of one session, for the same callers; it is let in as a query is. Each item leaves as the output
 * schema has it, and the verb can be let in anew for as long as the stream lasts.
 */
export function eventStreamProcedure(operation: AgentOperation, summary: string): StreamStep<SessionInput> {
  return {
    input: (inputSchema) => ({
      output: (outputSchema) => ({
        subscription(verb) {
          const procedure = enteredProcedure(operation, summary)
            .input(parsedSynchronously(inputSchema as z.ZodType))
            .subscription(async ({ ctx, input, signal }) => {
              const { entry, services } = ctx;
              const call: StreamCall = {
                enter: (work) => withWorkspace(ctx, entry, work),
                hub: services.eventHub,
                principal: entry.caller.principal,
                hangUp: ctx.hangUp,
                signal,
              };
              const items = await verb({ call, input: input as never });
              return outgoing(ctx, input, items, (item) => outputSchema.parse(item));
            });
          // What reads a procedure's schemas finds the declared ones, as with every other.
          Object.assign(procedure._def, { inputs: [inputSchema], output: outputSchema });
          return procedure as never;
        },
      }),
    }),
  };
}

/** What leaves of a stream: tRPC looks at none of it by itself. A refusal under way is left in the trail as any other. */
async function* outgoing(
  ctx: EnteredContext,
  input: unknown,
  items: AsyncIterable<{ id: string; data: unknown }>,
  parse: (item: unknown) => unknown,
): AsyncGenerator<TrackedEnvelope<unknown>, void> {
  try {
    for await (const { id, data } of items) yield tracked(id, parse(data));
  } catch (error) {
    const { operation, procedure, caller } = ctx.entry;
    noteFailure(ctx, { ...beginAttempt(ctx, { operation, procedure }, input), caller, isUnderWay: true }, error);
    throw toTrpcError(error);
  }
}
