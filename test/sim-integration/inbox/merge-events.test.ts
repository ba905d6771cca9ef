import { expect, test } from "vitest";
import { mergeEvents } from "../../../server/sim-integration/inbox/merge-events.ts";
import type { SimEvent } from "../../../server/sim-integration/sim-event.ts";

const event = (type: SimEvent["type"], more: Partial<SimEvent> = {}): SimEvent => ({
  ...{ type, workspaceId: "w", occurredAt: null, triggeredBy: null, userIds: [] },
  deletion: { mode: "archive", isExportAsked: false },
  ...more,
});

test("events that reach as far come to one, about everyone whom any of them was about", () => {
  const permissions = (...userIds: string[]) => event("workspace_permissions_updated", { userIds });
  expect(mergeEvents([permissions("a"), event("workspace_member_added", { userIds: ["b"] }), permissions("b", "c")])).toEqual([
    permissions("a", "b", "c"),
  ]);
  expect(mergeEvents([permissions("a"), permissions()])).toEqual([permissions()]);
  expect(mergeEvents([event("workspace_archived"), permissions("a"), event("workspace_restored")])).toEqual([
    event("workspace_restored"),
    permissions("a"),
  ]);
});

test("what comes with another for free is left out, unless somebody else did it", () => {
  const [created, archived] = [event("workspace_created"), event("workspace_archived")];
  expect(mergeEvents([created, archived, event("workspace_updated")])).toEqual([archived]);
  expect(mergeEvents([archived, event("workspace_deleted")])).toEqual([event("workspace_deleted")]);
  const byAnother = event("workspace_archived", { triggeredBy: "another" });
  expect(mergeEvents([created, byAnother])).toEqual([created, byAnother]);
});

test("deletions that say different things stay apart, and so do workspaces", () => {
  const now = event("workspace_deleted", { deletion: { mode: "delete", isExportAsked: false } });
  const later = event("workspace_deleted", { deletion: { mode: "archive", isExportAsked: true } });
  expect(mergeEvents([now, later, now])).toEqual([now, later]);
  const elsewhere = event("workspace_updated", { workspaceId: "x" });
  expect(mergeEvents([event("workspace_updated"), elsewhere])).toHaveLength(2);
});
