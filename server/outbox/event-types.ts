/** The audit actions that a workspace's endpoints are told of, and the type of event that each one is. */
const TYPE_OF_ACTION = {
  "agent.create": "agent.created",
  "agent.update": "agent.updated",
  "agent.delete": "agent.deleted",
  "agent.restore": "agent.restored",
  "agent.grant.set": "grant.set",
  "agent.grant.remove": "grant.removed",
  "session.create": "session.created",
  "session.update": "session.updated",
  "session.delete": "session.deleted",
  "security.repeated_denials": "security.repeated_denials",
  "isolation.boundary_mismatch": "security.boundary_mismatch",
} as const;

export type OutgoingEventType = (typeof TYPE_OF_ACTION)[keyof typeof TYPE_OF_ACTION];

/** What an endpoint is sent when its workspace's admin asks for it; no endpoint has to subscribe to it. */
export const TEST_EVENT = "endpoint.test";

export const OUTGOING_EVENT_TYPES: readonly OutgoingEventType[] = Object.values(TYPE_OF_ACTION);
/** All events of a group, those that a later version adds too. */
export const EVENT_GROUPS = ["agent.*", "grant.*", "session.*", "security.*"] as const;

/** The type of event that an audit action is; null where endpoints are not told of it. */
export function eventTypeOf(action: string): OutgoingEventType | null {
  return Object.hasOwn(TYPE_OF_ACTION, action) ? TYPE_OF_ACTION[action as keyof typeof TYPE_OF_ACTION] : null;
}

/** What an endpoint subscribes to where it gets events of this type: the type itself, or its group. */
export function subscriptionsFor(type: OutgoingEventType): string[] {
  return [type, `${type.slice(0, type.indexOf("."))}.*`];
}
