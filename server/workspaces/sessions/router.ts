import { agentProcedure, workspaceProcedure } from "../../trpc/procedures.ts";
import { sessionProcedure } from "../../trpc/session-procedures.ts";
import { createSession } from "./create-session.ts";
import { deleteSession } from "./delete-session.ts";
import { listSessions } from "./list-sessions.ts";
import {
  CreateSessionInput,
  DeletedSession,
  ListSessionsInput,
  Session,
  SessionPage,
  SessionRef,
  UpdateSessionInput,
} from "./schemas.ts";
import { toSession } from "./session-row.ts";
import { updateSession } from "./update-session.ts";

export const sessionsRouter = {
  create: agentProcedure("session:create", "Opens a session with an active agent.", { isShared: true })
    .input(CreateSessionInput)
    .output(Session)
    .mutation(({ ctx, agent, input }) => createSession(ctx, agent, input)),

  list: workspaceProcedure("session:list", "Lists the sessions that the caller can see.")
    .input(ListSessionsInput)
    .output(SessionPage)
    .query(({ ctx, input }) => listSessions(ctx, input)),

  get: sessionProcedure("session:get", "Returns one session.")
    .input(SessionRef)
    .output(Session)
    .query(({ session }) => toSession(session)),

  update: sessionProcedure("session:update", "Changes the given fields of a session; null clears one, an absent one stays.")
    .input(UpdateSessionInput)
    .output(Session)
    .mutation(({ ctx, session, input }) => updateSession(ctx, session, input)),

  delete: sessionProcedure("session:delete", "Deletes a session and its events for good; for who opened it, and managers.")
    .input(SessionRef)
    .output(DeletedSession)
    .mutation(({ ctx, session }) => deleteSession(ctx, session)),
};
