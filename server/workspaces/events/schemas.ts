import { z } from "zod";
import { jsonObject, jsonProblem } from "../../shared/json.ts";
import { DEFAULT_LIMIT, MAX_LIMIT } from "../../shared/pagination.ts";
import { freeText, simId } from "../../shared/text.ts";
import { Isolation } from "../isolation-schema.ts";
import { SessionRef } from "../sessions/schemas.ts";

export const MAX_EVENTS = 100;
export const MAX_WAIT_SECONDS = 25;
const MAX_DATA_BYTES = 64 * 1024;
const MAX_METADATA_BYTES = 16 * 1024;
const MAX_OFFSET = 2_147_483_647;

/** Parlant's sources and kinds of events. Source: Parlant 3.3.2, api/sessions.py. */
export const EventSource = z.enum([
  "customer",
  "customer_ui",
  "human_agent",
  "human_agent_on_behalf_of_ai_agent",
  "ai_agent",
  "system",
]);
export const EventKind = z.enum(["message", "tool", "status", "custom"]);

/** Data with the fields that Parlant gives it, and any others; all of it is stored and returned as given. */
function data<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.looseObject(shape).superRefine((value, check) => {
    const message = jsonProblem(value, MAX_DATA_BYTES);
    if (message !== null) check.addIssue({ code: "custom", message });
  });
}

const anyObject = z.record(z.string(), z.unknown());
const participant = z.looseObject({ id: freeText(128).nullish(), display_name: freeText(200) });

const MessageData = data({
  message: z.string().describe("The text"),
  participant: participant.optional().describe("Who speaks"),
  flagged: z.boolean().optional(),
  tags: z.array(z.string()).optional(),
  draft: z.string().optional(),
  canned_responses: z.array(z.tuple([z.string(), z.string()])).optional(),
  chunks: z.array(z.string().nullable()).optional(),
}).describe("Parlant's message data and whatever else is given; at most 64 KiB as JSON");

const ToolData = data({
  tool_calls: z.array(
    z.looseObject({
      tool_id: z.string().describe("service:tool"),
      arguments: anyObject,
      result: z.looseObject({ data: z.unknown(), metadata: anyObject.optional(), control: anyObject.optional() }),
    }),
  ),
}).describe("Parlant's tool data and whatever else is given; at most 64 KiB as JSON");

const StatusData = data({
  status: z.enum(["acknowledged", "cancelled", "processing", "ready", "typing", "error"]),
  data: anyObject.optional(),
}).describe("Parlant's status data and whatever else is given; at most 64 KiB as JSON");

const common = {
  source: EventSource,
  metadata: jsonObject(MAX_METADATA_BYTES).describe("Opaque JSON, stored and returned as given, at most 16 KiB").default({}),
  traceId: simId.optional().describe("Links a message with what it caused; the request's id unless given"),
};

export const NewEvent = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("message"), ...common, data: MessageData }),
  z.strictObject({ kind: z.literal("tool"), ...common, data: ToolData }),
  z.strictObject({ kind: z.literal("status"), ...common, data: StatusData }),
  z.strictObject({
    kind: z.literal("custom"),
    ...common,
    data: jsonObject(MAX_DATA_BYTES).describe("Opaque JSON, stored and returned as given, at most 64 KiB"),
  }),
]);
export type NewEvent = z.output<typeof NewEvent>;

export const AppendEventsInput = z.strictObject({
  ...SessionRef.shape,
  events: z.array(NewEvent).min(1).max(MAX_EVENTS).describe("1 to 100 events, appended in this order, all of them or none"),
});
export type AppendEventsInput = z.output<typeof AppendEventsInput>;

export const ListEventsInput = z.strictObject({
  ...SessionRef.shape,
  minOffset: z.int().min(0).max(MAX_OFFSET).default(0).describe("The first offset to return: nextOffset of the answer before"),
  kinds: z.array(EventKind).min(1).max(4).optional().describe("Which kinds to return; all unless given"),
  limit: z.int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT).describe(`How many to return, 1 to ${MAX_LIMIT}`),
  waitSeconds: z
    .int()
    .min(0)
    .max(MAX_WAIT_SECONDS)
    .default(0)
    .describe("How long to wait for an event where there is none yet, at most 25"),
});
export type ListEventsInput = z.output<typeof ListEventsInput>;

export const Event = z.object({
  id: z.uuid(),
  sessionId: z.uuid(),
  offset: z.int().describe("Its place in the session: from 0, without gaps"),
  source: EventSource,
  kind: EventKind,
  data: z.record(z.string(), z.unknown()),
  metadata: z.record(z.string(), z.unknown()),
  traceId: z.string(),
  createdAt: z.date(),
});
export type Event = z.output<typeof Event>;

export const EventPage = z.object({
  data: z.array(Event),
  nextOffset: z.int().describe("The minOffset that goes on behind this answer"),
  isolation: Isolation,
});
export type EventPage = z.output<typeof EventPage>;

export const StreamEventsInput = z.strictObject({
  ...SessionRef.shape,
  fromOffset: z.int().min(0).max(MAX_OFFSET).default(0).describe("The first offset to give"),
  kinds: z.array(EventKind).min(1).max(4).optional().describe("Which kinds to give; all unless given"),
  lastEventId: z
    .string()
    .regex(/^\d{1,10}$/, "is no id of an event of this stream")
    .refine((id) => Number(id) < MAX_OFFSET, "is beyond any event")
    .optional()
    .describe("The id of the last event that was received: the stream goes on behind it, whatever fromOffset says"),
});
export type StreamEventsInput = z.output<typeof StreamEventsInput>;

/** An event of a stream; its offset, as text, is the id by which a client resumes. */
export const StreamedEvent = z.object({ ...Event.shape, isolation: Isolation });
export type StreamedEvent = z.output<typeof StreamedEvent>;
