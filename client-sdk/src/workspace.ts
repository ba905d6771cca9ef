import { WorkspaceAccess } from "./access.ts";
import { Agents } from "./agents.ts";
import { AuditLog } from "./audit-log.ts";
import type { WorkspacesCalls } from "./generated/calls.ts";
import { WorkspaceIsolation } from "./isolation.ts";
import type { MethodsFor } from "./resource.ts";

/** One workspace of Sim's; every call of it names the workspace. */
export class Workspace implements MethodsFor<WorkspacesCalls> {
  readonly id: string;
  readonly access: WorkspaceAccess;
  readonly agents: Agents;
  readonly isolation: WorkspaceIsolation;
  readonly audit: AuditLog;

  constructor(calls: WorkspacesCalls, id: string) {
    this.id = id;
    this.access = new WorkspaceAccess(calls.access, id);
    this.agents = new Agents(calls.agents, id);
    this.isolation = new WorkspaceIsolation(calls.isolation, id);
    this.audit = new AuditLog(calls.audit, id);
  }
}
