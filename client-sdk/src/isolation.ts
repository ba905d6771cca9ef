import { type CallOptions, invoke } from "./call.ts";
import type { WorkspacesIsolationCalls } from "./generated/calls.ts";
import type { IsolationHealth, IsolationReport } from "./generated/schemas.ts";
import type { MethodsFor } from "./resource.ts";

/** The isolation of one workspace. */
export class WorkspaceIsolation implements MethodsFor<WorkspacesIsolationCalls> {
  readonly #calls: WorkspacesIsolationCalls;
  readonly #workspaceId: string;

  constructor(calls: WorkspacesIsolationCalls, workspaceId: string) {
    this.#calls = calls;
    this.#workspaceId = workspaceId;
  }

  /** Everything that the isolation rests on, looked at now; `status` says how it stands, and an unhealthy one is no error. */
  health(options: CallOptions = {}): Promise<IsolationHealth> {
    return invoke(options, (call) => this.#calls.health.query({ workspaceId: this.#workspaceId }, call));
  }

  /** What the workspace holds, who came and was turned away, and what to do about it; for its admins. */
  report(options: CallOptions = {}): Promise<IsolationReport> {
    return invoke(options, (call) => this.#calls.report.query({ workspaceId: this.#workspaceId }, call));
  }
}
