import type { SimWorkspace } from "../../db/sim-workspace.ts";
import type { WorkspaceTransaction } from "../../db/workspace-db.ts";
import type { SimEvent } from "../sim-event.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";

export type StateRow = NonNullable<Awaited<ReturnType<WorkspaceTransaction["workspaceState"]["findFirst"]>>>;
export type StatePatch = Partial<
  Pick<StateRow, "archivedAt" | "deletionRequestedAt" | "deletionMode" | "isExportAsked"> & { settings: SimWorkspace["settings"] }
>;

/** A workspace of Sim's that is being brought in step, in a transaction that nobody else does that in. */
export interface Scene {
  workspaceId: string;
  db: WorkspaceTransaction;
  sim: SimWorkspace;
  /** As it is kept, with the changes of earlier steps. */
  state: StateRow;
  event: SimEvent;
  now: Date;
  log: LifecycleContext["log"];
  /** Changes the state with the transaction. */
  change(patch: StatePatch): void;
  /** Records a change in the audit trail, with the transaction. */
  record(action: string, details: { before?: object; after?: object; target?: { kind: string; id: string } }): Promise<void>;
}

export type Step = (scene: Scene) => Promise<void>;
