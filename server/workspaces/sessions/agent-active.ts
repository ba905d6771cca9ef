import type { AgentOfSession } from "../../db/session-view.ts";
import { AppError } from "../../shared/errors.ts";

/** @throws AppError CONFLICT where an agent takes no session, because it is not active */
export function assertAgentActive(status: AgentOfSession["agentStatus"]): void {
  if (status === "active") return;
  throw new AppError("CONFLICT", `The agent is ${status}: a session is opened with an active agent alone`, {
    details: { code: "AGENT_NOT_ACTIVE", status },
  });
}
