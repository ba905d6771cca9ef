import { WorkspaceAccess } from "./access.ts";
import { Agents } from "./agents.ts";
import { WorkspaceAnalytics } from "./analytics.ts";
import { AuditLog } from "./audit-log.ts";
import { Events } from "./events.ts";
import type { WorkspacesCalls } from "./generated/calls.ts";
import { Guidelines } from "./guidelines.ts";
import { WorkspaceIsolation } from "./isolation.ts";
import type { Ports } from "./ports.ts";
import type { MethodsFor } from "./resource.ts";
import { Sessions } from "./sessions.ts";
import { WorkspaceWebhooks } from "./webhook-endpoints.ts";

/** One workspace of Sim's; every call of it names the workspace. */
export class Workspace implements MethodsFor<WorkspacesCalls> {
  readonly id: string;
  readonly access: WorkspaceAccess;
  readonly agents: Agents;
  readonly analytics: WorkspaceAnalytics;
  readonly guidelines: Guidelines;
  readonly isolation: WorkspaceIsolation;
  readonly audit: AuditLog;
  readonly sessions: Sessions;
  readonly events: Events;
  readonly webhooks: WorkspaceWebhooks;

  constructor(calls: WorkspacesCalls, id: string, ports: Ports) {
    this.id = id;
    const owner = { workspaceId: id };
    this.access = new WorkspaceAccess(calls.access, owner);
    this.agents = new Agents(calls.agents, owner);
    this.analytics = new WorkspaceAnalytics(calls.analytics, owner);
    this.guidelines = new Guidelines(calls.guidelines, owner);
    this.isolation = new WorkspaceIsolation(calls.isolation, owner);
    this.audit = new AuditLog(calls.audit, owner);
    this.sessions = new Sessions(calls.sessions, owner);
    this.events = new Events(calls.events, owner, ports);
    this.webhooks = new WorkspaceWebhooks(calls.webhooks, owner);
  }
}
