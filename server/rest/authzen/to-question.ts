import { z } from "zod";
import { OPERATIONS, type Operation } from "../../permissions/levels.ts";
import { simId } from "../../shared/text.ts";
import type { AccessQuestion } from "../../workspaces/access/schemas.ts";
import { AgentRef } from "../../workspaces/agents/schemas.ts";
import type { Decision, Evaluation } from "./schemas.ts";

/** A question of ours in a workspace, or the decision that it comes to without being asked. */
export type Translated = { workspaceId: string; question: AccessQuestion } | Decision;

const agentId = AgentRef.shape.agentId;

/**
 * An evaluation in our terms. A resource is `{type: "workspace", id}`, or `{type: "agent", id, properties: {workspaceId}}`;
 * an action has the name of an operation.
 */
export function toQuestion({ action, resource }: Pick<Evaluation, "action" | "resource">): Translated {
  const name = Object.hasOwn(OPERATIONS, action.name) ? (action.name as Operation) : undefined;
  const isOnAgent = name !== undefined && "agent" in OPERATIONS[name];
  switch (resource.type) {
    case "workspace":
      if (name === undefined || isOnAgent) return deny("UNKNOWN_ACTION");
      return { workspaceId: resource.id, question: { operation: name } as AccessQuestion };
    case "agent": {
      const workspaceId = simId.safeParse(resource.properties?.["workspaceId"]);
      if (!workspaceId.success) return invalid(`resource.properties.workspaceId: ${z.prettifyError(workspaceId.error)}`);
      if (name === undefined || !isOnAgent) return deny("UNKNOWN_ACTION");
      const id = agentId.safeParse(resource.id);
      // Nothing has an id of another form.
      if (!id.success) return deny("NOT_FOUND");
      return { workspaceId: workspaceId.data, question: { operation: name, agentId: id.data } as AccessQuestion };
    }
    default:
      return deny("UNKNOWN_RESOURCE_TYPE");
  }
}

export function deny(reason: string): Decision {
  return { decision: false, context: { reason } };
}

/** The denial of a question that lacks what it takes to be decided upon. */
export function invalid(message: string): Decision {
  return { decision: false, context: { error: { status: 400, message } } };
}
