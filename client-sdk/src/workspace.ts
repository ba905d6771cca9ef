import { WorkspaceAccess } from "./access.ts";
import { Agents } from "./agents.ts";
import { WorkspaceAnalytics } from "./analytics.ts";
import { AuditLog } from "./audit-log.ts";
import { Events } from "./events.ts";
import type { WorkspacesCalls } from "./generated/calls.ts";
import { Guidelines } from "./guidelines.ts";
import { WorkspaceIsolation } from "./isolation.ts";
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

  constructor(calls: WorkspacesCalls, id: string) {
    this.id = id;
    this.access = new WorkspaceAccess(calls.access, id);
    this.agents = new Agents(calls.agents, id);
    this.analytics = new WorkspaceAnalytics(calls.analytics, id);
    this.guidelines = new Guidelines(calls.guidelines, id);
    this.isolation = new WorkspaceIsolation(calls.isolation, id);
    this.audit = new AuditLog(calls.audit, id);
    this.sessions = new Sessions(calls.sessions, id);
    this.events = new Events(calls.events, id);
    this.webhooks = new WorkspaceWebhooks(calls.webhooks, id);
  }
}
