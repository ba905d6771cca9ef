import { z } from "zod";
import { instant } from "../../shared/instant.ts";
import { jsonObject } from "../../shared/json.ts";
import { pageInput } from "../../shared/pagination.ts";
import { freeText, nameText, simId } from "../../shared/text.ts";
import { Isolation } from "../isolation-schema.ts";

const MAX_METADATA_BYTES = 16 * 1024;

export const SessionStatus = z.enum(["active", "completed", "abandoned"]);
export const SessionMode = z.enum(["auto", "manual"]);

const workspaceId = simId.describe("Sim's id of the workspace");
const agentId = z.uuid().toLowerCase().describe("The agent's id");

/** Names one session in a workspace. */
export const SessionRef = z.strictObject({ workspaceId, sessionId: z.uuid().toLowerCase().describe("The session's id") });
export type SessionRef = z.output<typeof SessionRef>;

const sessionFields = {
  customerId: simId.describe("Whom the agent talks to, by an id of yours; guest where nobody is known"),
  title: freeText(200).nullable(),
  mode: SessionMode.describe("manual: the agent does not answer by itself"),
  tags: z.array(nameText(50)).max(20).describe("At most 20 tags of 1 to 50 characters"),
  metadata: jsonObject(MAX_METADATA_BYTES).describe("Opaque JSON, stored and returned as given, at most 16 KiB"),
};

export const CreateSessionInput = z.strictObject({
  workspaceId,
  agentId: agentId.describe("The agent's id; it has to be active"),
  customerId: sessionFields.customerId.default("guest"),
  title: sessionFields.title.default(null),
  mode: sessionFields.mode.default("auto"),
  tags: sessionFields.tags.default([]),
  metadata: sessionFields.metadata.default({}),
});
export type CreateSessionInput = z.output<typeof CreateSessionInput>;

export const UpdateSessionInput = z.strictObject({
  ...SessionRef.shape,
  ...z.object(sessionFields).partial().shape,
  status: SessionStatus.optional().describe(
    "completed: nothing is appended until it is active again, which needs an active agent; abandoned: the next event makes it active",
  ),
});
export type UpdateSessionInput = z.output<typeof UpdateSessionInput>;

export const ListSessionsInput = z.strictObject({
  workspaceId,
  ...pageInput,
  sortBy: z.enum(["createdAt", "lastActivityAt"]).default("lastActivityAt").describe("What the list is ordered by"),
  agentId: agentId.optional(),
  userId: simId.optional().describe("Sim's id of the user who opened it"),
  customerId: simId.optional(),
  status: SessionStatus.optional(),
  mode: SessionMode.optional(),
  tag: nameText(50).optional(),
  from: instant.optional().describe("Of sessions whose last activity was then or later"),
  to: instant.optional().describe("Of sessions whose last activity was then or earlier"),
});
export type ListSessionsInput = z.output<typeof ListSessionsInput>;

export const Session = z.object({
  id: z.uuid(),
  workspaceId: z.string(),
  agentId: z.uuid(),
  userId: z.string().nullable().describe("The user who opened it; null where a workspace key did"),
  createdByKeyId: z.string().nullable(),
  customerId: z.string(),
  title: z.string().nullable(),
  mode: SessionMode,
  status: SessionStatus,
  metadata: z.record(z.string(), z.unknown()),
  tags: z.array(z.string()),
  eventCount: z.int().describe("How many events it has: the offset of the next one"),
  messageCount: z.int(),
  startedAt: z.date(),
  lastActivityAt: z.date().describe("When it was opened, reopened or last appended to"),
  endedAt: z.date().nullable().describe("When it was completed or abandoned; null while it is active"),
  createdAt: z.date(),
  updatedAt: z.date(),
  isolation: Isolation.extend({ boundary: z.string().describe("The row's keyed boundary, in hex") }),
});
export type Session = z.output<typeof Session>;

export const SessionPage = z.object({ data: z.array(Session), nextCursor: z.string().nullable(), isolation: Isolation });
export type SessionPage = z.output<typeof SessionPage>;

export const DeletedSession = z.object({ id: z.uuid(), isolation: Isolation });
export type DeletedSession = z.output<typeof DeletedSession>;
