import { TRPCError } from "@trpc/server";
import { actingUserId, principalId } from "../../server/auth/principal.ts";
import { errorHeaders } from "../../server/http/error-answer.ts";
import { requestIdOf } from "../../server/http/request-id.ts";
import { agentLevel, isOperation, levelRule, levelSatisfies, OPERATIONS } from "../../server/permissions/levels.ts";
import { isOpenedBy, openerOf, seesSession } from "../../server/permissions/session-access.ts";
import {
  AppError,
  agentNotFound,
  invalidInput,
  sessionNotFound,
  userNotFound,
  workspaceNotFound,
} from "../../server/shared/errors.ts";
import { assertHarmlessJson } from "../../server/shared/harmless-json.ts";
import { newId } from "../../server/shared/ids.ts";
import { canonicalJson } from "../../server/shared/json.ts";
import { decodeCursor, encodeCursor } from "../../server/shared/pagination.ts";
import { comparisonKey } from "../../server/shared/text.ts";
import { assertPermitted, workspaceIdOf } from "../../server/trpc/enter-workspace.ts";
import { toErrorShape } from "../../server/trpc/error-response.ts";
import { httpStatus } from "../../server/trpc/errors.ts";
import { asTrpcError, fromTrpcError, refusedInput } from "../../server/trpc/trpc-errors.ts";
import { assertLevel } from "../../server/workspaces/agents/load-agent.ts";
import { MAX_GUIDELINES } from "../../server/workspaces/guidelines/schemas.ts";
import { assertAgentActive } from "../../server/workspaces/sessions/agent-active.ts";
import { assertSees } from "../../server/workspaces/sessions/load-session.ts";
import type { ServerRules } from "../src/testing/server-rules.ts";

/** As the server's, which also knows a database that is away; here every failure is told, as it is a test's or the fake's. */
function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof TRPCError) return fromTrpcError(error, toAppError);
  return new AppError("INTERNAL_ERROR", `The fake server failed: ${String(error)}`, { cause: error });
}

/** Those of the server's rules that need no database, for the client's fake of it. */
export const RULES: ServerRules = {
  AppError,
  MAX_GUIDELINES,
  workspaceNotFound,
  agentNotFound: () => agentNotFound(),
  sessionNotFound: () => sessionNotFound(),
  userNotFound,
  invalidInput,
  refusedInput,
  toAppError,
  toTrpcError: (error) => asTrpcError(error as AppError),
  toErrorShape: (error, path, requestId) => toErrorShape(error as AppError, path, requestId),
  httpStatus: (error) => httpStatus(error as AppError),
  errorHeaders: (error) => errorHeaders(error as AppError),
  requestIdOf,
  workspaceIdOf,
  levelOf(operation) {
    const needs = isOperation(operation) ? OPERATIONS[operation] : null;
    if (needs && "agent" in needs) return needs.agent;
    throw new Error(`${operation} is no operation on an agent`);
  },
  assertPermitted(operation, actual) {
    if (!isOperation(operation)) throw new Error(`${operation} is no operation`);
    assertPermitted(operation, actual);
  },
  levelSatisfies,
  levelRule,
  agentLevel: agentLevel as ServerRules["agentLevel"],
  assertLevel,
  assertAgentActive,
  assertSees,
  isOwnSession: (principal, session) => isOpenedBy(openerOf(principal), session),
  seesSession: ({ level, principal }, isolationLevel, session) =>
    seesSession({ level, opener: openerOf(principal) }, isolationLevel, session),
  actingUserId,
  principalId,
  comparisonKey,
  encodeCursor,
  decodeCursor,
  canonicalJson,
  assertHarmlessJson,
  newId,
};
