import type { LevelsAt, Parameter } from "./agent-level-sql.ts";

/** Whom sessions are the own ones of: a user's, or those of a key without a user. */
export type SessionOpener = { userId: string } | { createdByKeyId: string };

/** Whose view of sessions it is. */
export interface SessionView {
  levels: LevelsAt;
  opener: SessionOpener | null;
}

/** Whether a session is the caller's own, as a condition over parlant_session. */
export function isOpenedBySql(opener: SessionOpener | null, parameter: Parameter): string {
  if (opener === null) return "false";
  return "userId" in opener
    ? `user_id = ${parameter(opener.userId)}`
    : `(user_id is null and created_by_key_id = ${parameter(opener.createdByKeyId)})`;
}
