export type { AccessChange, AccessChecks, AccessQuestion, MemberFilters, WorkspaceAccess } from "./access.ts";
export { oneTimeTokens } from "./access-tokens.ts";
export type { AgentChanges, AgentFilters, Agents, NewAgent } from "./agents.ts";
export type { AgentAnalyticsFilters, OverviewOptions, TimeseriesOptions, WorkspaceAnalytics } from "./analytics.ts";
export type { FetchResponse } from "./answer.ts";
export type { AuditExportOptions, AuditFilters, AuditLog, AuditProofQuery, AuditVerifyOptions } from "./audit-log.ts";
export type { CallOptions, CreateOptions, MutationCall, QueryCall, TrpcCallContext, TrpcCallOptions } from "./call.ts";
export type { ClientOptions, Credential, Exchange, FetchInit, FetchLike } from "./client-options.ts";
export { createClient, type SimClient } from "./create-client.ts";
export {
  AbortedError,
  BadRequestError,
  ConflictError,
  ConnectionError,
  ForbiddenError,
  InternalError,
  InvalidResponseError,
  MethodNotAllowedError,
  NotFoundError,
  PayloadTooLargeError,
  RateLimitedError,
  ServiceUnavailableError,
  TimeoutError,
  UnauthorizedError,
  UnsupportedMediaTypeError,
} from "./error-classes.ts";
export { type ServerErrorCode, type SimErrorCode, type SimErrorDetails, type SimErrorIssue, SimParlantError } from "./errors.ts";
export type { EventQuery, Events, NewEvent, StreamOptions } from "./events.ts";
export type {
  AcceptedDelivery,
  AccessAnswer,
  AccessAnswers,
  AccessExplanation,
  AccessSimulation,
  ActivityTotals,
  Agent,
  AgentAnalytics,
  AgentAnalyticsPage,
  AgentPage,
  AgentStatus,
  AnalyticsBucket,
  AnalyticsOverview,
  AnalyticsPeriod,
  AnalyticsTimeseries,
  AuditEvent,
  AuditEventPage,
  AuditProof,
  AuditVerification,
  ClearCacheInput,
  ClearedCache,
  DeletedAgent,
  DeletedGuideline,
  DeletedSession,
  DeletedWebhookEndpoint,
  EndpointDelivery,
  EndpointDeliveryPage,
  Event,
  EventPage,
  ExportedGuidelines,
  Grant,
  GrantEntry,
  GrantPage,
  Guideline,
  GuidelineEntry,
  GuidelinePage,
  ImportedGuidelines,
  IntegrationCheck,
  IntegrationHealth,
  IntegrationValidation,
  Isolation,
  IsolationCheck,
  IsolationHealth,
  IsolationReport,
  IsolationStatus,
  MemberPage,
  OrganizationOverview,
  OwnAccess,
  QueuedDelivery,
  RemovedGrant,
  ReplayedDeliveries,
  ReplayInput,
  Session,
  SessionPage,
  SyncedWorkspaces,
  SyncStatus,
  SyncWorkspacesInput,
  WebhookEndpoint,
  WebhookEndpointEntry,
  WebhookEndpointPage,
  WebhookEndpointWithSecret,
  WorkspaceMember,
} from "./generated/schemas.ts";
export type { GrantFilters, Grants, NewGrant } from "./grants.ts";
export type { GuidelineChanges, GuidelineFilters, GuidelineImport, Guidelines, NewGuideline } from "./guidelines.ts";
export type { WorkspaceIsolation } from "./isolation.ts";
export type { Organization, OrganizationAnalytics, OrganizationOverviewOptions } from "./organization.ts";
export type { Page, PageRequest } from "./page-request.ts";
export type { NewSession, SessionChanges, SessionFilters, Sessions } from "./sessions.ts";
export type { DeliveryOptions, PermissionUpdate, SimIntegration, WorkspaceEvent } from "./sim-integration.ts";
export type {
  DeliveryFilters,
  NewWebhookEndpoint,
  WebhookEndpointChanges,
  WebhookEndpointFilters,
  WebhookEndpoints,
  WorkspaceWebhooks,
} from "./webhook-endpoints.ts";
export type { Workspace } from "./workspace.ts";
