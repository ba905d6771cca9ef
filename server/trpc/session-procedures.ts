import type { LeveledSessionRow } from "../db/session-view.ts";
import { type AgentOperation, OPERATIONS } from "../permissions/levels.ts";
import { inTransaction, type TransactionContext, type WorkspaceContext } from "../permissions/workspace-context.ts";
import { loadSession } from "../workspaces/sessions/load-session.ts";
import { withWorkspace } from "./enter-workspace.ts";
import { type EnteredContext, enteredProcedure, type Opener, recorded, type Step, step, type UntypedVerb } from "./procedures.ts";

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
