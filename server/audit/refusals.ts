import { actingUserId, type CredentialSource, type Principal, principalId } from "../auth/principal.ts";
import { type Operation, ruleOf } from "../permissions/levels.ts";
import type { RequestInfo } from "../permissions/workspace-context.ts";
import type { AppError } from "../shared/errors.ts";
import type { DecisionCounts } from "./decision-counts.ts";
import type { DenialSignals, RepeatedDenials } from "./denial-signals.ts";
import type { QueuedEvent, TrailQueue } from "./trail-queue.ts";

/** A call of a workspace's procedure, as far as it is known when it is refused. */
export interface Attempt {
  operation: Operation;
  /** What the call named, checked as an id and not for being there. */
  workspaceId: string | null;
  agentId: string | null;
  sessionId?: string | null;
  request: RequestInfo;
  /** What ended had been let in: its caller has tried nothing that it may not, and is counted nothing. */
  isUnderWay?: boolean;
  caller?: { principal: Principal; source: CredentialSource };
}

/**
 * Leaves a refusal in the trail of the workspace that the call named, and counts it for its caller. What it does, and so
 * how long it takes, does not depend on whether what was named is there: whatever the caller cannot see counts alike.
 */
export function noteRefusal(
  audit: { trail: TrailQueue; signals: DenialSignals; counts: DecisionCounts },
  attempt: Attempt,
  error: AppError,
): void {
  const { caller, workspaceId } = attempt;
  if (!caller || (error.code !== "FORBIDDEN" && error.code !== "NOT_FOUND")) return;
  const { principal } = caller;
  const isForgeable = caller.source === "cookie" && attempt.request.isForgeable === true;
  const isNobody = principal.kind === "internal" && principal.userId === null;
  // What another page makes a browser send, a sibling host's too, is not its user's doing and must not lock the user out.
  const isTried = !isForgeable && !isNobody && !attempt.isUnderWay && error.refusal?.reasonCode !== "COOKIE_RULES";
  if (isTried) audit.signals.count({ principal }, workspaceId);
  const reasonCode = error.refusal?.reasonCode ?? error.details?.code;
  if (reasonCode !== undefined) audit.counts.deny++;
  if (workspaceId !== null && reasonCode !== undefined) audit.trail.add(denialOf(attempt, principal, workspaceId, error));
}

function denialOf(attempt: Attempt, principal: Principal, workspaceId: string, { refusal, details }: AppError): QueuedEvent {
  const { operation, agentId, sessionId, request } = attempt;
  // Of a stranger the workspace is told the id and nothing else.
  const isStranger = refusal?.isStranger ?? false;
  return {
    workspaceId,
    action: operation.replace(":", "."),
    reasonCode: refusal?.reasonCode ?? details?.code ?? "FORBIDDEN",
    rule: ruleOf(operation),
    actorKind: principal.kind,
    actorId: principalId(principal),
    onBehalfOf: isStranger || principal.kind === "session" ? null : actingUserId(principal),
    method: request.method ?? null,
    target: agentId !== null ? { kind: "agent", id: agentId } : targetOf(workspaceId, sessionId ?? null),
    ipAddress: isStranger ? null : request.ipAddress,
    requestId: isStranger ? null : request.requestId,
  };
}

function targetOf(workspaceId: string, sessionId: string | null): QueuedEvent["target"] {
  return sessionId !== null ? { kind: "session", id: sessionId } : { kind: "workspace", id: workspaceId };
}

/** The alarm that repeated refusals raise in a workspace's trail, once in a window. */
export function repeatedDenialsEvent({ principal, workspaceId, attempts }: RepeatedDenials): QueuedEvent {
  return {
    workspaceId,
    action: "security.repeated_denials",
    reasonCode: "REPEATED_DENIALS",
    rule: null,
    actorKind: principal.kind,
    actorId: principalId(principal),
    onBehalfOf: null,
    method: null,
    target: { kind: "workspace", id: workspaceId },
    ipAddress: null,
    requestId: null,
    attempts,
  };
}
