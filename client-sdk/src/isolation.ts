import { type CallOptions, runQuery } from "./call.ts";
import type { WorkspacesIsolationCalls } from "./generated/calls.ts";
import type { IsolationHealth, IsolationReport } from "./generated/schemas.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";

/** The isolation of one workspace. */
export class WorkspaceIsolation
  extends Resource<WorkspacesIsolationCalls, OfWorkspace>
  implements MethodsFor<WorkspacesIsolationCalls>
{
  /** Everything that the isolation rests on, looked at now; `status` says how it stands, and an unhealthy one is no error. */
  health(options: CallOptions = {}): Promise<IsolationHealth> {
    return runQuery(this.calls.health, { ...this.owner }, options);
  }

  /** What the workspace holds, who came and was turned away, and what to do about it; for its admins. */
  report(options: CallOptions = {}): Promise<IsolationReport> {
    return runQuery(this.calls.report, { ...this.owner }, options);
  }
}
