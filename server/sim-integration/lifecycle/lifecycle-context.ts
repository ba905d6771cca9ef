import type { Binding } from "../../db/binding.ts";
import type { Hints } from "../../db/hints.ts";
import type { WorkspaceDb } from "../../db/workspace-db.ts";
import type { WorkspaceKeys } from "../../isolation/workspace-keys.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/logger.ts";
import type { SimEvent } from "../sim-event.ts";

/** What the effects of Sim's events are made with. */
export interface LifecycleContext {
  openWorkspace(binding: Binding): WorkspaceDb;
  workspaceKeys: WorkspaceKeys;
  /** Drops what is remembered: here before it resolves, and by the other instances soon. */
  publish: Hints["publish"];
  clock: Clock;
  log: Logger;
}

/** What an event came to: the actions that are in the audit trail for it; none where it changed nothing. */
export interface Effect {
  actions: readonly string[];
}

export type Handler = (ctx: LifecycleContext, event: SimEvent) => Promise<Effect>;
