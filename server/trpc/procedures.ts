import type { TRPCMutationProcedure, TRPCQueryProcedure } from "@trpc/server";
import type { z } from "zod";
import type { Decision } from "../audit/decision-log.ts";
import { recordRead } from "../audit/record.ts";
import type { Attempt } from "../audit/refusals.ts";
import { isSensitiveRead } from "../audit/sensitive-reads.ts";
import { principalId } from "../auth/principal.ts";
import type { LeveledSessionRow } from "../db/session-view.ts";
import { type AgentOperation, OPERATIONS, type Operation, type WorkspaceOperation } from "../permissions/levels.ts";
import {
  type IsolationContext,
  inTransaction,
  type TransactionContext,
  type WorkspaceContext,
} from "../permissions/workspace-context.ts";
import type { LeveledAgent } from "../workspaces/agents/agent-row.ts";
import { type LoadOptions, loadAgent } from "../workspaces/agents/load-agent.ts";
import { beginAttempt, noteFailure } from "./attempt.ts";
import type { RequestContext } from "./context.ts";
import { type Entry, enterAfresh, enterWorkspace, withIsolation, withWorkspace } from "./enter-workspace.ts";
import { toAppError, toTrpcError } from "./errors.ts";
import { type ProcedureMeta, t } from "./trpc.ts";

/*
 * The ladder: public, workspace, agent; those of sessions stand in session-procedures.ts, of simIntegration in integration-procedures.ts. Each step is a function of the permission and the summary that answers only
 * with input(), which answers only with output(), which answers only with query() and mutation(): a procedure that
 * leaves one of them out does not compile.
 */

type InputOf<Schema extends z.ZodType> = z.input<Schema>;
interface Definition<Input extends z.ZodType, Output extends z.ZodType> {
  input: InputOf<Input>;
  output: z.output<Output>;
  meta: ProcedureMeta;
}
type Query<Input extends z.ZodType, Output extends z.ZodType> = TRPCQueryProcedure<Definition<Input, Output>>;
type Mutation<Input extends z.ZodType, Output extends z.ZodType> = TRPCMutationProcedure<Definition<Input, Output>>;
type Verb<Args, Output extends z.ZodType> = (args: Args) => Promise<z.input<Output>> | z.input<Output>;

/** A step of the ladder that still waits for its schemas. The two arguments are what a query and a mutation are given. */
export interface Step<QueryArgs, MutationArgs, Base> {
  input<Input extends z.ZodType<Base>>(
    schema: Input,
  ): {
    output<Output extends z.ZodType>(
      schema: Output,
    ): {
      query(verb: Verb<QueryArgs & { input: z.output<Input> }, Output>): Query<Input, Output>;
      mutation(verb: Verb<MutationArgs & { input: z.output<Input> }, Output>): Mutation<Input, Output>;
    };
  };
}

/** A procedure that anyone may call, without a credential. */
export function publicProcedure(summary: string): Step<{ ctx: RequestContext }, { ctx: RequestContext }, unknown> {
  const open: Opener<RequestContext> = (ctx, input, verb) => verb({ ctx, input });
  return step(ladder({ permission: "public", summary }), { query: open, mutation: open });
}

/** A procedure of a workspace, for callers whose permission there reaches what the operation needs. */
export function workspaceProcedure(
  operation: WorkspaceOperation,
  summary: string,
): Step<{ ctx: WorkspaceContext }, { ctx: WorkspaceContext }, { workspaceId: string }> {
  const open: Opener<EnteredContext> = (ctx, input, verb) =>
    withWorkspace(ctx, ctx.entry, async (workspace) => verb({ ctx: workspace, input }));
  const query: Opener<EnteredContext> = (ctx, input, verb) =>
    withWorkspace(ctx, ctx.entry, async (workspace) => recorded(workspace, input, await verb({ ctx: workspace, input })));
  return step(enteredProcedure(operation, summary), { query, mutation: open });
}

/** A procedure on the isolation of a workspace, for callers whose permission there reaches what the operation needs. */
export function isolationProcedure(
  operation: WorkspaceOperation,
  summary: string,
): Step<{ ctx: IsolationContext }, { ctx: IsolationContext }, { workspaceId: string }> {
  const open: Opener<EnteredContext> = (ctx, input, verb) =>
    withIsolation(ctx, ctx.entry, async (isolation) => verb({ ctx: isolation, input }));
  const query: Opener<EnteredContext> = (ctx, input, verb) =>
    withIsolation(ctx, ctx.entry, async (isolation) => recorded(isolation, input, await verb({ ctx: isolation, input })));
  return step(enteredProcedure(operation, summary), { query, mutation: open });
}

/**
 * A procedure on one agent, for callers whose level on it reaches what the operation needs. The verb is handed the
 * agent, already decided upon: a query as it was read, a mutation inside the transaction that will change it.
 */
export function agentProcedure(
  operation: AgentOperation,
  summary: string,
  options: LoadOptions = {},
): Step<
  { ctx: WorkspaceContext; agent: LeveledAgent },
  { ctx: TransactionContext; agent: LeveledAgent },
  { workspaceId: string; agentId: string }
> {
  const level = OPERATIONS[operation].agent;
  const act = async (ctx: WorkspaceContext | TransactionContext, input: unknown, verb: UntypedVerb) => {
    const { agentId } = input as { agentId: string };
    return verb({ ctx, agent: await loadAgent(ctx, agentId, level, options), input });
  };
  const query: Opener<EnteredContext> = (ctx, input, verb) =>
    withWorkspace(ctx, ctx.entry, async (workspace) => recorded(workspace, input, await act(workspace, input, verb)));
  const mutation: Opener<EnteredContext> = (ctx, input, verb) =>
    withWorkspace(ctx, ctx.entry, (workspace) => inTransaction(workspace, (tx) => act(tx, input, verb)));
  return step(enteredProcedure(operation, summary), { query, mutation });
}

/** An allowed read, as the trail keeps it. */
export function decisionOf(ctx: RequestContext, { agentId }: Attempt, entry: Entry, startedAtMs: number): Decision {
  const { principal } = entry.caller;
  return {
    workspaceId: entry.workspaceId,
    principalKind: principal.kind,
    principalId: principalId(principal),
    procedure: entry.procedure,
    agentId,
    source: entry.access.isRemembered ? "cache" : "database",
    requestId: ctx.request.requestId,
    latencyUs: Math.round((performance.now() - startedAtMs) * 1_000),
  };
}

/** What was read, once the trail has it where the read is a sensitive one. */
export async function recorded<Output>(
  ctx: WorkspaceContext | IsolationContext,
  input: unknown,
  output: Output,
): Promise<Output> {
  if (isSensitiveRead(ctx.operation)) await recordRead(ctx, (input as { agentId?: string }).agentId ?? null);
  return output;
}

export type EnteredContext = RequestContext & { entry: Entry };

/**
 * The middleware under every procedure of a workspace. The caller is let in before the rest of its input is looked at;
 * an input that is refused has made no statement, so a remembered decision is checked before the refusal is told.
 */
export function enteredProcedure(operation: Operation, summary: string) {
  return ladder({ permission: operation, summary }).use(async ({ ctx, path, type, getRawInput, next }) => {
    const startedAtMs = performance.now();
    const isDecision = type !== "mutation" && !isSensitiveRead(operation);
    const called = { operation, procedure: path };
    const rawInput = await getRawInput();
    const attempt = beginAttempt(ctx, called, rawInput);
    try {
      const entry = await enterWorkspace(ctx, called, attempt, rawInput);
      if (isDecision) ctx.services.audit.decisions.assertReadable();
      const result = await next({ ctx: { entry } });
      if (isDecision && result.ok) ctx.services.audit.decisions.record(decisionOf(ctx, attempt, entry, startedAtMs));
      if (result.ok) ctx.services.audit.counts.allow++;
      else noteFailure(ctx, attempt, result.error);
      if (!result.ok && toAppError(result.error).code === "BAD_REQUEST" && entry.access.isRemembered)
        await enterAfresh(ctx, entry);
      return result;
    } catch (error) {
      noteFailure(ctx, attempt, error);
      throw error;
    }
  });
}

/** The middleware under every procedure: every error leaves as one that is written for the caller. tRPC's next() never throws. */
export function ladder(meta: ProcedureMeta) {
  return t.procedure.meta(meta).use(async ({ ctx, path, next }) => {
    ctx.annotate({ procedure: path });
    const result = await next();
    if (!result.ok) throw toTrpcError(result.error);
    return result;
  });
}

export type UntypedVerb = (args: { ctx: object; input: unknown; agent?: LeveledAgent; session?: LeveledSessionRow }) => unknown;
export type Opener<Context> = (ctx: Context, input: unknown, verb: UntypedVerb) => unknown;
interface UntypedProcedure {
  _def: { inputs: z.ZodType[]; output: z.ZodType };
}
interface UntypedBuilder<Context> {
  input(schema: z.ZodType): this;
  output(schema: z.ZodType): this;
  query(resolve: (call: { ctx: Context; input: unknown }) => unknown): UntypedProcedure;
  mutation(resolve: (call: { ctx: Context; input: unknown }) => unknown): UntypedProcedure;
}

/**
 * Joins a step's builder with what runs its verbs. The types of the verbs are Step's: tRPC's builder cannot carry a
 * schema that is still generic, so it is used untyped here and nowhere else.
 */
export function step<QueryArgs, MutationArgs, Base, Context>(
  builder: object,
  open: { query: Opener<Context>; mutation: Opener<Context> },
): Step<QueryArgs, MutationArgs, Base> {
  return {
    input: (input) => ({
      output: (output) => {
        const complete = (builder as unknown as UntypedBuilder<Context>)
          .input(parsedSynchronously(input))
          .output(parsedSynchronously(output));
        // What reads a procedure's schemas, for OpenAPI and the client's types, finds the declared ones.
        const declared = (procedure: UntypedProcedure) => {
          Object.assign(procedure._def, { inputs: [input], output });
          return procedure as never;
        };
        return {
          query: (verb) => declared(complete.query(({ ctx, input }) => open.query(ctx, input, verb as unknown as UntypedVerb))),
          mutation: (verb) =>
            declared(complete.mutation(({ ctx, input }) => open.mutation(ctx, input, verb as unknown as UntypedVerb))),
        };
      },
    }),
  };
}

/** The same schema without parseAsync, which tRPC would prefer: zod compiles its parsers for synchronous use alone, four times as fast. */
export function parsedSynchronously<Schema extends z.ZodType>(schema: Schema): Schema {
  return Object.create(schema, { parseAsync: { value: undefined } });
}
