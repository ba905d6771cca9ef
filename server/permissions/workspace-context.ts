import type { Checkpoint } from "../../client-sdk/src/audit/index.ts";
import type { Principal } from "../auth/principal.ts";
import { actingUserId } from "../auth/principal.ts";
import type { LevelRule } from "../db/agent-level-sql.ts";
import type { Hints } from "../db/hints.ts";
import type { SessionWakes } from "../db/session-wakes.ts";
import type { WorkspaceDb, WorkspaceTransaction } from "../db/workspace-db.ts";
import type { AuditLogKeys } from "../isolation/audit-log-keys.ts";
import type { BoundaryKeys } from "../isolation/boundary.ts";
import type { IsolationFacts } from "../isolation/health.ts";
import type { Violations } from "../isolation/violations.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import { levelRule, type Operation, type WorkspacePermission } from "./levels.ts";

/** What a verb is told of the request: enough to record it, nothing of its transport. */
export interface RequestInfo {
  requestId: string;
  ipAddress: string | null;
  idempotencyKey: string | null;
  /** How the call was made, as the audit trail names it: the HTTP method, if there is one, and then the procedure. */
  method?: string;
  /** Whether another origin's page may have made a browser send the request: nothing in it says otherwise. */
  isForgeable?: boolean;
}

/** What the logs of audit trails are signed and sealed with. */
export interface AuditLogSeal {
  keys: AuditLogKeys;
  /** Seals what the workspace's trail has by now. */
  seal(workspaceId: string): Promise<void>;
  /** The workspace's log as this process knows it to have been signed. */
  known(workspaceId: string): Checkpoint | undefined;
  /** Does what reads the workspace's whole log, unless too much of that is being done already. */
  walk<Result>(workspaceId: string, work: () => Promise<Result>): Promise<Result>;
}

/** Settings of the server that verbs depend on. */
export interface WorkspaceSettings {
  agentRetentionMs: number;
  /** What is wrong with a URL that events are to be sent to; null where nothing is. */
  endpointUrlProblem(url: string): string | null;
}

/** A call that has been let into a workspace: who calls, what it may, and the database as this workspace sees it. */
export interface WorkspaceContext {
  workspaceId: string;
  principal: Principal;
  /** The proof of its credential; see Authentication. */
  proof: string | null;
  /** When its credential ends by itself; null where it does not. */
  credentialEndsAtMs: number | null;
  /** The operation that the call was let in for, and the permission that it was let in with. */
  operation: Operation;
  permission: WorkspacePermission;
  /** Whence the permission is known: remembered or read, and when it was decided. */
  decision: { isRemembered: boolean; decidedAtMs: number };
  db: WorkspaceDb;
  keys: BoundaryKeys;
  /** The workspace's keys as its state has them now, read through `db`. */
  renewKeys(db: Pick<WorkspaceTransaction, "workspaceState">): Promise<BoundaryKeys>;
  /** Told of a row that was not made in this workspace. */
  reportViolation: Violations["report"];
  auditLogSeal: AuditLogSeal;
  hints: Pick<Hints, "announce" | "subscribe">;
  sessionWakes: SessionWakes;
  clock: Clock;
  log: Logger;
  request: RequestInfo;
  settings: WorkspaceSettings;
}

/** The same for those who look at isolation itself: without the keys, so that it can be told that they are gone. */
export type IsolationContext = Omit<WorkspaceContext, "keys" | "renewKeys"> & { isolation: IsolationFacts };

/** The same inside a transaction: what it writes is committed together, or not at all. */
export type TransactionContext = Omit<WorkspaceContext, "db"> & { db: WorkspaceTransaction };

/** Runs `work` in one transaction, whose commit fails if the permission no longer holds by then. */
export function inTransaction<Result>(ctx: WorkspaceContext, work: (tx: TransactionContext) => Promise<Result>): Promise<Result> {
  // Once a transaction has read the keys, its own writes hold the workspace in place.
  return ctx.db.transaction((db) => work({ ...ctx, db, renewKeys: onceOnly(ctx.renewKeys) }));
}

/** Reads the keys at most once, however many rows of a call are not authentic. */
export function onceOnly(renewKeys: WorkspaceContext["renewKeys"]): WorkspaceContext["renewKeys"] {
  let renewed: Promise<BoundaryKeys> | undefined;
  return (reader) => {
    renewed ??= renewKeys(reader);
    return renewed;
  };
}

/** The rule by which the caller's level on agents is decided. */
export function levelRuleOf({ principal, permission }: Pick<WorkspaceContext, "principal" | "permission">): LevelRule {
  return levelRule({
    permission,
    userId: actingUserId(principal),
    keyId: principal.kind === "workspace_api_key" ? principal.keyId : null,
  });
}
