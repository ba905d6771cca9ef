import { eventProcedure, eventStreamProcedure } from "../../trpc/session-procedures.ts";
import { appendEvents } from "./append-events.ts";
import { listEvents } from "./list-events.ts";
import { AppendEventsInput, EventPage, ListEventsInput, StreamEventsInput, StreamedEvent } from "./schemas.ts";
import { streamEvents } from "./stream-events.ts";

export const eventsRouter = {
  append: eventProcedure("event:append", "Appends events to an active session, all of them or none.")
    .input(AppendEventsInput)
    .output(EventPage)
    .mutation(({ ctx, input }) => appendEvents(ctx, input)),

  list: eventProcedure("event:list", "Lists a session's events from an offset on, waiting for the first where asked to.")
    .input(ListEventsInput)
    .output(EventPage)
    .query(({ ctx, input }) => listEvents(ctx, input)),

  stream: eventStreamProcedure("event:list", "Gives a session's events from an offset on and those to come, as they come.")
    .input(StreamEventsInput)
    .output(StreamedEvent)
    .subscription(({ call, input }) => streamEvents(call, input)),
};
