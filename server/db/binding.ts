import { AsyncLocalStorage } from "node:async_hooks";
import type { Statement } from "./sim-reader.ts";

/**
 * What every statement of a call is bound to. The prelude is sent ahead of the statement in the same protocol flight
 * and transaction: it checks the permission against the tables and sets the workspace, or it ends the transaction.
 */
export interface Binding {
  readonly workspaceId: string;
  readonly prelude: Statement;
  /** Whether the prelude is meant to fail, as a check of the guard has it: its rejection is nobody's. */
  readonly isProbe?: boolean;
}

const current = new AsyncLocalStorage<Binding>();

/** Runs `work` with its statements bound. Prisma's promises are lazy, so `work` has to await its query itself. */
export function runBound<Result>(binding: Binding, work: () => Promise<Result>): Promise<Result> {
  return current.run(binding, work);
}

/**
 * The binding of the call that is being made. To be read synchronously on entry to the pool and never below it:
 * whoever releases a connection runs the next waiter's callback in the releaser's own asynchronous context.
 */
export function currentBinding(): Binding | undefined {
  return current.getStore();
}
