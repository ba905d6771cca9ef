import { expect, test } from "vitest";
import {
  PermissionUpdateBody,
  permissionEvent,
  SIM_EVENT_TYPES,
  toSimEvent,
  WorkspaceEventBody,
} from "../../server/sim-integration/sim-event.ts";

const BODY = {
  event_type: "workspace_member_removed",
  workspace_id: "ws-1",
  triggered_by: "user-1",
  timestamp: "2026-11-24T10:00:00Z",
  data: { user_id: "user-2", affected_users: ["user-2", "user-3"], something_else: 1 },
};

test("every kind of event is read, and what it does not know of is passed over", () => {
  for (const event_type of SIM_EVENT_TYPES)
    expect(toSimEvent(WorkspaceEventBody.parse({ ...BODY, event_type, more: {} }))).toEqual({
      type: event_type,
      workspaceId: "ws-1",
      occurredAt: new Date("2026-11-24T10:00:00Z"),
      triggeredBy: "user-1",
      userIds: ["user-2", "user-3"],
      deletion: { mode: "archive", isExportAsked: false },
    });
});

test("an event without data, and with times as Sim's clocks write them", () => {
  const times = {
    "2026-11-24T10:00:00": "2026-11-24T10:00:00.000Z",
    "2026-11-24T10:00:00.123456+02:00": "2026-11-24T08:00:00.123Z",
    "2026-11-24T10:00:00.123Z": "2026-11-24T10:00:00.123Z",
  };
  for (const [timestamp, utc] of Object.entries(times)) {
    const { data: _, triggered_by: __, ...least } = { ...BODY, timestamp };
    const event = toSimEvent(WorkspaceEventBody.parse(least));
    expect(event).toMatchObject({ triggeredBy: null, userIds: [], occurredAt: new Date(utc) });
  }
});

test("a deletion says when and whether everything is exported first", () => {
  const data = { deletion_mode: "delete", export: true };
  const { deletion } = toSimEvent(WorkspaceEventBody.parse({ ...BODY, event_type: "workspace_deleted", data }));
  expect(deletion).toEqual({ mode: "delete", isExportAsked: true });
});

test.each([
  { event_type: "workspace_exploded" },
  { workspace_id: "" },
  { workspace_id: "a\0b" },
  { timestamp: "yesterday" },
  { timestamp: 1_764_000_000 },
  { data: { deletion_mode: "now" } },
  { data: { export: "true" } },
  { data: { affected_users: "user-2" } },
  { data: [] },
])("%j is no event", (wrong) => {
  expect(WorkspaceEventBody.safeParse({ ...BODY, ...wrong }).success).toBe(false);
});

test("a permission update is an event on the user's permissions, also where it is taken away", () => {
  const body = { workspace_id: "ws-1", user_id: "user-2", updated_by: "user-1", timestamp: BODY.timestamp };
  for (const new_permission of ["read", "write", "admin", null])
    expect(permissionEvent(PermissionUpdateBody.parse({ ...body, old_permission: "write", new_permission }))).toMatchObject({
      type: "workspace_permissions_updated",
      workspaceId: "ws-1",
      userIds: ["user-2"],
    });
  expect(PermissionUpdateBody.safeParse(body).success).toBe(false);
  expect(PermissionUpdateBody.safeParse({ ...body, new_permission: "owner" }).success).toBe(false);
});
