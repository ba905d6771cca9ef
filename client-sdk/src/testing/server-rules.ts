import type { ServerErrorCode, SimErrorDetails, SimErrorIssue } from "../errors.ts";

/*
 * What the fake has of the server: its schemas, and those of its rules that need no database. They are not written again
 * here but bundled from the server's own sources (scripts/bundle-rules.ts); these are their types, which scripts/server-rules.ts
 * is checked against.
 */

export type WorkspacePermission = "read" | "write" | "admin";
export type AccessLevel = "none" | "view" | "interact" | "configure" | "manage";

/** Who is calling: a user with a session of Sim's or a personal key, or a workspace's key. */
export type Principal =
  | { kind: "session"; userId: string; sessionId: string }
  | { kind: "personal_api_key"; userId: string; keyId: string }
  | { kind: "workspace_api_key"; keyId: string; workspaceId: string };

export interface LeveledAgent {
  visibility: "workspace" | "restricted";
  createdBy: string | null;
  createdByKeyId: string | null;
}

/** The rule of levels for one caller, opaque here but for the creator that the caller itself would be. */
export interface LevelRule {
  creator: { createdBy: string } | { createdByKeyId: string } | null;
  grantee: string | null;
}

export interface OpenedSession {
  userId: string | null;
  createdByKeyId: string | null;
}

/** Where a page ended. */
export interface Keyset {
  value: string;
  id: string;
}

/** A refusal, as the server's rules throw it. */
export interface Refusal extends Error {
  readonly code: ServerErrorCode;
  readonly details: SimErrorDetails | undefined;
}

/** An error as tRPC's clients are told it. */
export interface ErrorShape {
  message: string;
  code: number;
  data: { code: ServerErrorCode; message: string; httpStatus: number; path: string; requestId: string };
}

/** A schema of the server's. */
export interface Schema {
  safeParse(value: unknown): { success: true; data: unknown } | { success: false; error: { issues: never[] } };
}

export interface ServerProcedure {
  type: "query" | "mutation" | "subscription";
  /** The operation that it is, or "public", "authenticated" or "internal". */
  permission: string;
  input: Schema;
  output: Schema;
}

export interface ServerRules {
  AppError: new (
    code: ServerErrorCode,
    message: string,
    options?: { details?: SimErrorDetails; retryAfterSeconds?: number; cause?: unknown },
  ) => Refusal;
  MAX_GUIDELINES: number;
  workspaceNotFound(reasonCode: string): Refusal;
  agentNotFound(): Refusal;
  sessionNotFound(): Refusal;
  userNotFound(): Refusal;
  invalidInput(issues: SimErrorIssue[]): Refusal;
  refusedInput(error: { issues: never[] }): Refusal;
  /** What a caller may be told of an error, tRPC's own among them. */
  toAppError(error: unknown): Refusal;
  toTrpcError(refusal: Refusal): Error;
  toErrorShape(refusal: Refusal, path: string, requestId: string): ErrorShape;
  httpStatus(refusal: Refusal): number;
  errorHeaders(refusal: Refusal): Record<string, string>;
  /** The id that the request has, or a new one. */
  requestIdOf(given: string | undefined): string;
  workspaceIdOf(rawInput: unknown): string;
  /** The level on an agent that an operation needs. */
  levelOf(operation: string): AccessLevel;
  /** Throws FORBIDDEN where the permission in the workspace is below what the operation needs. */
  assertPermitted(operation: string, actual: WorkspacePermission): void;
  levelSatisfies(actual: AccessLevel, required: AccessLevel): boolean;
  levelRule(caller: { permission: WorkspacePermission; userId: string | null; keyId: string | null }): LevelRule;
  agentLevel(
    rule: LevelRule,
    agent: LeveledAgent,
    grant: { level: AccessLevel; expiresAt: Date | null } | null,
    nowMs: number,
  ): AccessLevel;
  assertLevel(agent: { accessLevel: AccessLevel }, required: AccessLevel): void;
  assertAgentActive(status: "active" | "inactive" | "archived"): void;
  assertSees(
    caller: { principal: Principal },
    session: OpenedSession & { agentLevel: AccessLevel; agentIsolationLevel: "strict" | "workspace" },
  ): void;
  isOwnSession(principal: Principal, session: OpenedSession): boolean;
  seesSession(
    caller: { level: AccessLevel; principal: Principal },
    isolationLevel: "strict" | "workspace",
    session: OpenedSession,
  ): boolean;
  actingUserId(principal: Principal): string | null;
  principalId(principal: Principal): string;
  comparisonKey(name: string): string;
  encodeCursor(query: unknown, keyset: Keyset): string;
  decodeCursor(query: unknown, cursor: string, kind: "time" | "integer" | "text" | "text and Sim's id"): Keyset;
  canonicalJson(value: unknown): string;
  assertHarmlessJson(text: string): void;
  newId(nowMs: number): string;
}
