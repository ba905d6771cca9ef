import type { AnyTRPCMutationProcedure, AnyTRPCProcedure, AnyTRPCQueryProcedure } from "@trpc/server";
import type { routerRecord } from "../router.ts";

/** The path of a procedure, e.g. "workspaces.agents.list". */
export type ProcedurePath = PathsOf<typeof routerRecord>;

type PathsOf<Tree> = {
  [Name in keyof Tree & string]: Tree[Name] extends AnyTRPCProcedure ? Name : `${Name}.${PathsOf<Tree[Name]>}`;
}[keyof Tree & string];

type At<Tree, Path extends string> = Path extends `${infer Head}.${infer Rest}`
  ? Head extends keyof Tree
    ? At<Tree[Head], Rest>
    : never
  : Path extends keyof Tree
    ? Tree[Path]
    : never;

type OutputOf<Procedure> = Procedure extends { _def: { $types: { output: infer Output } } } ? Output : never;

/** A query whose input does not fit into a URL is asked by POST. */
type MethodOf<Procedure> = Procedure extends AnyTRPCQueryProcedure
  ? "GET" | "POST"
  : Procedure extends AnyTRPCMutationProcedure
    ? "POST" | "PUT" | "PATCH" | "DELETE"
    : never;

interface RouteOptions<Output> {
  /** The status of a success; 200 unless given. */
  success?: 200 | 201 | 202 | 204;
  /** Whether the answer names, in Location, the resource that it made: this path and the output's id. */
  hasLocation?: Output extends { id: string } ? true : never;
  /** Where the status says what the output says; the statuses that it can be besides `success`. */
  statusOf?: (output: Output) => number;
  otherStatuses?: readonly number[];
  /** Where the answer is a file, of which the procedure gives one piece after the other. */
  file?: Output extends { text: string; nextCursor: string | null } ? FileAnswer : never;
}

/** A file that is sent while it is being made. */
export interface FileAnswer {
  /** Without its ending. */
  name: string;
  /** The media type of each value of the input's `format`, which is also the file's ending; the first is the default. */
  mediaTypes: Readonly<Record<string, string>>;
}

/** One REST endpoint: the same procedure, by another name. */
export interface Route {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Under /api/v1; {workspace_id} is the input's workspaceId. */
  path: string;
  procedure: ProcedurePath;
  success: number;
  hasLocation: boolean;
  statusOf: ((output: unknown) => number) | undefined;
  otherStatuses: readonly number[];
  file: FileAnswer | undefined;
}

function route<Path extends ProcedurePath>(
  method: MethodOf<At<typeof routerRecord, Path>>,
  path: string,
  procedure: Path,
  options: RouteOptions<OutputOf<At<typeof routerRecord, Path>>> = {},
): Route {
  return {
    method,
    path,
    procedure,
    success: options.success ?? 200,
    hasLocation: options.hasLocation ?? false,
    statusOf: options.statusOf as Route["statusOf"],
    otherStatuses: options.otherStatuses ?? [],
    file: options.file,
  };
}

const AGENTS = "/workspaces/{workspace_id}/agents";
const ACCESS = "/workspaces/{workspace_id}/access";
const AGENT = `${AGENTS}/{agent_id}`;
const SESSIONS = "/workspaces/{workspace_id}/sessions";
const SESSION = `${SESSIONS}/{session_id}`;
const GUIDELINES = `${AGENT}/guidelines`;
const ENDPOINTS = "/workspaces/{workspace_id}/webhook-endpoints";
const ENDPOINT = `${ENDPOINTS}/{endpoint_id}`;
const ANALYTICS = "/workspaces/{workspace_id}/analytics";
const AUDIT_LOG = "/workspaces/{workspace_id}/audit-log";

/** Every endpoint under /api/v1 that is a procedure. */
export const ROUTES: readonly Route[] = [
  route("POST", AGENTS, "workspaces.agents.create", { success: 201, hasLocation: true }),
  route("GET", AGENTS, "workspaces.agents.list"),
  route("GET", AGENT, "workspaces.agents.get"),
  route("PUT", AGENT, "workspaces.agents.update"),
  route("PATCH", AGENT, "workspaces.agents.update"),
  route("DELETE", AGENT, "workspaces.agents.delete"),
  route("POST", `${AGENT}/restore`, "workspaces.agents.restore"),
  route("GET", `${AGENT}/grants`, "workspaces.agents.grants.list"),
  route("PUT", `${AGENT}/grants/{user_id}`, "workspaces.agents.grants.set"),
  route("DELETE", `${AGENT}/grants/{user_id}`, "workspaces.agents.grants.remove", { success: 204 }),
  route("POST", SESSIONS, "workspaces.sessions.create", { success: 201, hasLocation: true }),
  route("GET", SESSIONS, "workspaces.sessions.list"),
  route("GET", SESSION, "workspaces.sessions.get"),
  route("PATCH", SESSION, "workspaces.sessions.update"),
  route("DELETE", SESSION, "workspaces.sessions.delete", { success: 204 }),
  route("POST", `${SESSION}/events`, "workspaces.events.append", { success: 201 }),
  route("GET", `${SESSION}/events`, "workspaces.events.list"),
  route("GET", GUIDELINES, "workspaces.guidelines.list"),
  route("POST", GUIDELINES, "workspaces.guidelines.create", { success: 201, hasLocation: true }),
  route("GET", `${GUIDELINES}/export`, "workspaces.guidelines.export"),
  route("POST", `${GUIDELINES}/import`, "workspaces.guidelines.import", { success: 201 }),
  route("PATCH", `${GUIDELINES}/{guideline_id}`, "workspaces.guidelines.update"),
  route("DELETE", `${GUIDELINES}/{guideline_id}`, "workspaces.guidelines.delete", { success: 204 }),
  route("GET", "/workspaces/{workspace_id}/isolation/health", "workspaces.isolation.health", {
    statusOf: ({ status }) => (status === "unhealthy" ? 503 : 200),
    otherStatuses: [503],
  }),
  route("GET", "/workspaces/{workspace_id}/isolation/report", "workspaces.isolation.report"),
  route("GET", ACCESS, "workspaces.access.me"),
  route("GET", `${ACCESS}/members`, "workspaces.access.members"),
  route("POST", `${ACCESS}/check`, "workspaces.access.check"),
  route("POST", `${ACCESS}/explain`, "workspaces.access.explain"),
  route("POST", `${ACCESS}/simulate`, "workspaces.access.simulate"),
  route("GET", ANALYTICS, "workspaces.analytics.overview"),
  route("GET", `${ANALYTICS}/timeseries`, "workspaces.analytics.timeseries"),
  route("GET", `${ANALYTICS}/agents`, "workspaces.analytics.agents"),
  route("GET", "/organizations/{organization_id}/analytics", "organizations.analytics.overview"),
  route("GET", AUDIT_LOG, "workspaces.audit.list"),
  route("GET", `${AUDIT_LOG}/export`, "workspaces.audit.export", {
    file: { name: "audit-log", mediaTypes: { ndjson: "application/x-ndjson", csv: "text/csv; charset=utf-8" } },
  }),
  route("GET", `${AUDIT_LOG}/verify`, "workspaces.audit.verify"),
  route("GET", `${AUDIT_LOG}/proof`, "workspaces.audit.proof"),
  route("POST", ENDPOINTS, "workspaces.webhooks.endpoints.create", { success: 201, hasLocation: true }),
  route("GET", ENDPOINTS, "workspaces.webhooks.endpoints.list"),
  route("GET", ENDPOINT, "workspaces.webhooks.endpoints.get"),
  route("PATCH", ENDPOINT, "workspaces.webhooks.endpoints.update"),
  route("DELETE", ENDPOINT, "workspaces.webhooks.endpoints.delete", { success: 204 }),
  route("POST", `${ENDPOINT}/rotate-secret`, "workspaces.webhooks.endpoints.rotateSecret"),
  route("POST", `${ENDPOINT}/test`, "workspaces.webhooks.endpoints.test", { success: 202 }),
  route("GET", `${ENDPOINT}/deliveries`, "workspaces.webhooks.endpoints.deliveries"),
  route("POST", `${ENDPOINT}/deliveries/{delivery_id}/redeliver`, "workspaces.webhooks.endpoints.redeliver", { success: 202 }),
  route("GET", "/sim-integration/health", "simIntegration.health", {
    statusOf: ({ status }) => (status === "healthy" ? 200 : 503),
    otherStatuses: [503],
  }),
  route("POST", "/sim-integration/validate-integration", "simIntegration.validate"),
  route("POST", "/sim-integration/sync/workspaces", "simIntegration.sync.workspaces"),
  route("GET", "/sim-integration/workspaces/{workspace_id}/sync-status", "simIntegration.sync.status"),
  route("POST", "/sim-integration/webhooks/replay", "simIntegration.webhooks.replay"),
  route("POST", "/sim-integration/cache/clear", "simIntegration.cache.clear"),
];
