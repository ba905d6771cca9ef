import type { DecisionCounts } from "../audit/decision-counts.ts";
import type { DecisionLog } from "../audit/decision-log.ts";
import type { DenialSignals } from "../audit/denial-signals.ts";
import type { TrailQueue } from "../audit/trail-queue.ts";
import type { ExchangeToken } from "../auth/exchange-token.ts";
import type { Authentication, RequestHeaders } from "../auth/principal.ts";
import type { Hints } from "../db/hints.ts";
import type { AdministeredOrganization } from "../db/organization-workspaces.ts";
import type { SessionWakes } from "../db/session-wakes.ts";
import type { SimReader } from "../db/sim-reader.ts";
import type { IsolationFacts } from "../isolation/health.ts";
import type { Violations } from "../isolation/violations.ts";
import type { WorkspaceKeys } from "../isolation/workspace-keys.ts";
import type { ResolveAccess } from "../permissions/access.ts";
import type { Scope } from "../permissions/principal-map.ts";
import type { AuditLogSeal, RequestInfo, WorkspaceSettings } from "../permissions/workspace-context.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { ReceiverContext } from "../sim-integration/inbox/receive-webhook.ts";
import type { LifecycleContext } from "../sim-integration/lifecycle/lifecycle-context.ts";
import type { SyncContext } from "../sim-integration/sync/sync-context.ts";
import type { ValidateIntegration } from "../sim-integration/validate/validate-integration.ts";
import type { EventHub } from "../workspaces/events/event-hub.ts";

/** Where the ladder leaves what no transaction of a verb's can carry. */
export interface Audit {
  trail: TrailQueue;
  signals: DenialSignals;
  decisions: DecisionLog;
  counts: DecisionCounts;
}

/** What the ladder works with; made once, at the composition of the server. */
export interface Services {
  findCaller(headers: RequestHeaders, isFresh: boolean): Promise<Authentication | null>;
  exchangeToken: ExchangeToken;
  resolveAccess: ResolveAccess;
  /** An organization with its live workspaces, where the user is an owner or admin of it. */
  findAdministered(userId: string, organizationId: string): Promise<AdministeredOrganization | null>;
  hints: Hints;
  /** This process forgets what it remembers in the scope; answers with how many entries that were. */
  forget(scope: Scope): number;
  validateIntegration: ValidateIntegration;
  sessionWakes: SessionWakes;
  /** Who follows which session here. */
  eventHub: EventHub;
  workspaceKeys: WorkspaceKeys;
  violations: Violations;
  isolation: IsolationFacts;
  auditLogSeal: AuditLogSeal;
  sim: SimReader;
  audit: Audit;
  /** What the effects of Sim's events are made with. */
  lifecycle: LifecycleContext;
  /** What a sync on demand works with. */
  sync: SyncContext;
  /** What deliveries of Sim's are received and accepted with. */
  inbox: ReceiverContext;
  settings: WorkspaceSettings;
  clock: Clock;
  log: Logger;
}

/** One request before the ladder: nobody has been recognised yet. An interface, so that no client sees behind it. */
export interface RequestContext {
  services: Services;
  headers: RequestHeaders;
  request: RequestInfo;
  /** Checks the rules that a cookie brings, once it is known that the cookie decides. Throws AppError FORBIDDEN. */
  assertCookieAllowed(): void;
  /** Ends the connection of a caller to whom nothing more may be sent and who does not read. */
  hangUp?: (() => void) | undefined;
  /** Told who called and where, for the request's log line. */
  annotate(note: { workspaceId?: string; principalKind?: string; principalId?: string; procedure?: string }): void;
}
