import superjson from "superjson";
import { connectInUtc, makeApiKey } from "../../support/database.ts";
import { internalHeaders } from "../../support/internal.ts";
import type { TestServer } from "../../support/server.ts";
import { type Act, furnish, makePlace, type Place, type Procedures } from "./place.ts";
import { allRows, changesOutside, secretsFrom } from "./rows.ts";
import { transportsOf } from "./transports.ts";

/** A caller's workspace beside everything that is not its to see. */
export interface Stage {
  mine: Place;
  /** By what keeps the caller's admin out of each. */
  strangers: Readonly<Record<string, Place>>;
  /** Headers of the admin's credentials of each kind, the session first; the last is a key of the workspace alone. */
  credentials: Readonly<Record<string, Record<string, string>>>;
  /** Headers of Sim's backend on its own behalf. */
  sim: Record<string, string>;
  /** Texts of the strangers that must stand in no answer. */
  secrets: readonly string[];
  act: Act;
  /** Puts new things in place of those of `mine` that a call may have used up. */
  refurnish(): Promise<void>;
  /** What has changed outside `mine` since the stage was set. */
  changes(): Promise<string[]>;
  close(): Promise<void>;
}

export async function setStage(server: TestServer, kinds: readonly string[], procedures: Procedures): Promise<Stage> {
  const { owner, superuserUrl } = server.database;
  const act = actorOn(server.url, procedures);
  const mine = await makePlace(owner);
  const strangers = {
    "another's": await makePlace(owner),
    "another's archived": await makePlace(owner),
    "one's own archived": await makePlace(owner, mine.admin),
    "one's own deleted": await makePlace(owner, mine.admin),
  };
  for (const place of [mine, ...Object.values(strangers)]) await furnish(place, kinds, procedures, act);
  await owner.query("update workspace set archived_at = now() where id = any ($1)", [
    [strangers["another's archived"].workspaceId, strangers["one's own archived"].workspaceId],
  ]);
  await owner.query("delete from workspace where id = $1", [strangers["one's own deleted"].workspaceId]);
  const personal = await makeApiKey(owner, { userId: mine.admin.id });
  const ofWorkspace = await makeApiKey(owner, { userId: mine.admin.id, workspaceId: mine.workspaceId });
  const superuser = await connectInUtc(superuserUrl);
  // Reads were made to furnish the places; their decisions are written behind them.
  await server.dependencies.services.audit.decisions.flush();
  const before = await allRows(superuser);
  return {
    mine,
    strangers,
    credentials: {
      "a session": mine.admin.headers,
      "a personal key": { "x-api-key": personal.plain },
      "an internal token": await internalHeaders(mine.admin.id),
      "a workspace's key": { "x-api-key": ofWorkspace.plain },
    },
    sim: await internalHeaders(),
    secrets: secretsFrom(before, mine, Object.values(strangers)),
    act,
    async refurnish() {
      // A workspace can have some twenty of them alone.
      await superuser.query("delete from parlant.parlant_webhook_endpoint where workspace_id = $1", [mine.workspaceId]);
      await furnish(mine, kinds, procedures, act);
    },
    changes: async () => changesOutside(mine.workspaceId, before, await allRows(superuser)),
    close: () => superuser.end(),
  };
}

/** A server that refuses no call because of how many were made before. */
export const REPLAYED = { RATE_LIMIT_PER_MINUTE: "0", DENIAL_LIMIT_PER_MINUTE: "0" };

/** Calls procedures over tRPC, which must succeed. */
export function actorOn(url: string, procedures: Procedures): Act {
  return async (path, user, input) => {
    const transport = transportsOf(url, path, procedures).find(({ name }) => name.startsWith("tRPC"));
    const answer = await transport?.send(user.headers, input);
    if (answer?.status !== 200) throw new Error(`${path} was to succeed and answered ${answer?.status} ${answer?.body}`);
    return superjson.deserialize((JSON.parse(answer.body) as { result: { data: never } }).result.data);
  };
}
