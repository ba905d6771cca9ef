import type { z } from "zod";
import type { PermissionUpdate, WorkspaceEvent } from "../../../client-sdk/src/webhooks/index.ts";
import type { PermissionUpdateBody, SimEventType, WorkspaceEventBody } from "../../../server/sim-integration/sim-event.ts";

/*
 * The events that the client sends are those that the server reads. Nothing here runs; a difference does not compile.
 */

/** As it is sent: the sender fills the time in. */
type Sent<Event> = Event extends { timestamp?: string }
  ? Omit<Event, "timestamp" | "event_type"> & Pick<Event, "event_type" & keyof Event> & { timestamp: string }
  : never;
type IsAssignable<From, To> = [From] extends [To] ? true : false;
type KeysOf<Union> = Union extends object ? keyof Union : never;
type Data = NonNullable<WorkspaceEvent["data"]>;
type ReadData = NonNullable<z.input<typeof WorkspaceEventBody>["data"]>;
const isTrue = <_Claim extends true>(): void => {};
const isFalse = <_Claim extends false>(): void => {};

isTrue<IsAssignable<Sent<WorkspaceEvent>, z.input<typeof WorkspaceEventBody>>>();
isTrue<IsAssignable<Omit<Sent<PermissionUpdate>, "event_type">, z.input<typeof PermissionUpdateBody>>>();
isTrue<IsAssignable<Omit<z.input<typeof PermissionUpdateBody>, "old_permission" | "updated_by">, PermissionUpdate>>();
isTrue<IsAssignable<SimEventType, WorkspaceEvent["event_type"]>>();
isTrue<IsAssignable<KeysOf<ReadData>, KeysOf<Data>>>();
isTrue<IsAssignable<keyof z.input<typeof PermissionUpdateBody>, keyof PermissionUpdate>>();
isTrue<IsAssignable<keyof z.input<typeof WorkspaceEventBody>, KeysOf<WorkspaceEvent>>>();

// Controls: without a time, with another type, or with a permission that there is none of, they do not agree.
isFalse<IsAssignable<WorkspaceEvent, z.input<typeof WorkspaceEventBody>>>();
isFalse<IsAssignable<"workspace_renamed", WorkspaceEvent["event_type"]>>();
isFalse<IsAssignable<{ workspace_id: string; user_id: string; new_permission: "owner" }, PermissionUpdate>>();
