import type { LevelRule, Principal, WorkspacePermission } from "./server-rules.ts";
import type { State, Tables, WorkspaceState } from "./state.ts";

/** One request, before anybody has been recognised. */
export interface FakeRequest {
  state: State;
  headers: { get(name: string): string | null };
  requestId: string;
  idempotencyKey: string | null;
}

/** A call that has been let into a workspace: who calls, what it may, and what the workspace holds. */
export interface WorkspaceCall {
  state: State;
  request: FakeRequest;
  workspaceId: string;
  principal: Principal;
  permission: WorkspacePermission;
  rule: LevelRule;
  tables: Tables;
  /** Ends when the caller no longer waits for the answer. */
  signal: AbortSignal | undefined;
  /** The same call as it would be let in now. Throws as enterWorkspace does. */
  again(): WorkspaceCall;
}

/**
 * The caller behind the request.
 *
 * @throws UNAUTHORIZED where there is no credential, or where the first one is none
 */
export function recognise({ state, headers }: FakeRequest): Principal {
  const { AppError } = state.rules;
  assertOpen(state);
  const [, bearer] = /^bearer(?:\s+(.*))?$/i.exec(headers.get("authorization")?.trim() ?? "") ?? [];
  const credential = headers.get("x-api-key") ?? bearer;
  if (credential === undefined) {
    throw new AppError("UNAUTHORIZED", "A credential is required: a Sim session, an API key or an internal token");
  }
  const principal = state.credentials.get(credential);
  if (!principal) throw new AppError("UNAUTHORIZED", "The credential is not valid or has expired");
  return principal;
}

/**
 * Lets the caller into the workspace that the raw input names, before the rest of the input is looked at.
 *
 * @throws as recognise does; NOT_FOUND, always the same one, where the workspace is absent or closed to the
 * caller; FORBIDDEN below the permission that the operation needs
 */
export function enterWorkspace(
  request: FakeRequest,
  operation: string,
  rawInput: unknown,
  signal?: AbortSignal | undefined,
): WorkspaceCall {
  const { state } = request;
  const { rules } = state;
  const principal = recognise(request);
  const workspaceId = rules.workspaceIdOf(rawInput);
  const workspace = state.workspaces.get(workspaceId);
  const permission = workspace ? permissionOf(workspace, principal) : null;
  if (!workspace || permission === null) throw rules.workspaceNotFound("NO_WORKSPACE_PERMISSION");
  if (principal.kind === "personal_api_key" && !workspace.allowsPersonalApiKeys) {
    throw new rules.AppError("FORBIDDEN", "This workspace does not allow personal API keys", {
      details: { code: "PERSONAL_API_KEYS_DISABLED" },
    });
  }
  rules.assertPermitted(operation, permission);
  const keyId = principal.kind === "workspace_api_key" ? principal.keyId : null;
  return {
    ...{ state, request, workspaceId, principal, permission, signal },
    rule: rules.levelRule({ permission, userId: rules.actingUserId(principal), keyId }),
    tables: state.tablesOf(workspaceId),
    again: () => enterWorkspace(request, operation, rawInput, signal),
  };
}

/** @throws BAD_REQUEST, which no client repeats, once the fake is closed */
export function assertOpen({ isClosed, rules }: State): void {
  if (isClosed) throw new rules.AppError("BAD_REQUEST", "The fake server is closed", { details: { code: "FAKE_CLOSED" } });
}

function permissionOf(workspace: WorkspaceState, principal: Principal): WorkspacePermission | null {
  if (principal.kind === "workspace_api_key") return principal.workspaceId === workspace.id ? "write" : null;
  return workspace.permissions.get(principal.userId) ?? null;
}
