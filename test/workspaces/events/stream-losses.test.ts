import { describe, expect, test } from "vitest";
import type { Dependencies } from "../../../server/dependencies.ts";
import { createEventHub } from "../../../server/workspaces/events/event-hub.ts";
import type { EventReader } from "../../../server/workspaces/events/event-reader.ts";
import { makeApiKey } from "../../support/database.ts";
import { openDependencies } from "../../support/open-dependencies.ts";
import { callerWith } from "../../support/services.ts";
import type { TestUser } from "../../support/workspace.ts";
import { says } from "../sessions/fixture.ts";
import { openedOn, openStreamOn, type StreamInput } from "./stream-reader.ts";

const { database, dependencies } = await openDependencies();

const opened = (agent: { isolationLevel?: "workspace" } = {}) => openedOn(database, dependencies, agent);
const openStream = (user: Pick<TestUser, "headers">, input: StreamInput, on: Dependencies = dependencies) =>
  openStreamOn(on, user, input);
const revoke = (userId: string, workspaceId: string) =>
  database.owner.query("delete from permissions where user_id = $1 and entity_id = $2", [userId, workspaceId]);

type World = Awaited<ReturnType<typeof opened>>;
interface Loss {
  headersOf(world: World): Promise<Record<string, string>>;
  lose(world: World): Promise<unknown>;
  code: string;
}

const ofSession = async ({ reader }: World) => reader.headers;
/** How one loses what another still has. */
const LOSSES: Record<string, Loss> = {
  "its permission is taken": {
    headersOf: ofSession,
    lose: ({ reader, workspaceId }) => revoke(reader.id, workspaceId),
    code: "NOT_FOUND",
  },
  "its session is over": {
    headersOf: ofSession,
    lose: ({ reader }) => database.owner.query("delete from session where user_id = $1", [reader.id]),
    code: "UNAUTHORIZED",
  },
  "its user is banned": {
    headersOf: ofSession,
    lose: ({ reader }) => database.owner.query('update "user" set banned = true where id = $1', [reader.id]),
    code: "UNAUTHORIZED",
  },
  "keys of users are no longer let in": {
    headersOf: async ({ reader }) => ({ "x-api-key": (await makeApiKey(database.owner, { userId: reader.id })).plain }),
    lose: ({ workspaceId }) =>
      database.owner.query("update workspace set allow_personal_api_keys = false where id = $1", [workspaceId]),
    code: "FORBIDDEN",
  },
};

describe("nothing reaches a reader by a read that began after the end of its permission", () => {
  const everyone = async (readers: readonly EventReader[]) => new Map(readers.map((reader) => [reader, 0]));

  /** What a reader gets of an event that was appended after its permission had ended, beside another who reads on. */
  async function afterTheEnd(on: Dependencies, { headersOf, lose }: Loss): Promise<string> {
    const world = await opened({ isolationLevel: "workspace" });
    const { ref, admin, writer } = world;
    const reader = { headers: await headersOf(world) };
    const append = (text: string) => callerWith(on, writer.headers).workspaces.events.append({ ...ref, events: [says(text)] });
    const kept = await openStream(admin, ref, on);
    const keptFirst = kept.next();
    await expect.poll(() => on.services.eventHub.size()).toBe(1);
    const lost = await openStream(reader, ref, on);
    const lostFirst = lost.next();
    await expect.poll(() => on.services.eventHub.size()).toBe(2);
    // Behind it each has made its own first look, and the one that reads on is the first to wait.
    await append("for both");
    expect(await Promise.all([keptFirst, lostFirst])).toEqual(["0 for both", "0 for both"]);
    const keptNext = kept.next();
    const lostNext = lost.next().catch((error: { code: string }) => error.code);
    await lose(world);
    await append("secret");
    expect(await keptNext).toBe("1 secret");
    const outcome = await lostNext;
    kept.close();
    lost.close();
    return outcome;
  }

  test.each(Object.entries(LOSSES))("not beside others who may read on, where %s", async (_, loss) => {
    expect(await afterTheEnd(dependencies, loss)).toBe(loss.code);
  });

  test.each(Object.entries(LOSSES))(
    "control: without the second decision it gets what it must not, where %s",
    async (_, loss) => {
      const { services } = dependencies;
      const eventHub = createEventHub({ decide: everyone, wakes: services.sessionWakes, hints: services.hints });
      const on = { ...dependencies, services: { ...services, eventHub } };
      // A look of its own behind the end, which a second ring of the bell for both may bring about, is refused by the guard.
      await expect.poll(() => afterTheEnd(on, loss), { timeout: 20_000 }).toBe("1 secret");
      eventHub.close();
    },
  );

  test("control: without it a silent stream outlives the permission", async () => {
    const { services } = dependencies;
    const eventHub = createEventHub({ decide: everyone, wakes: services.sessionWakes, hints: services.hints });
    const { ref, writer, workspaceId } = await opened();
    const stream = await openStream(writer, ref, { ...dependencies, services: { ...services, eventHub } });
    let isOver = false;
    const next = stream.next().finally(() => {
      isOver = true;
    });
    await expect.poll(() => eventHub.size()).toBe(1);
    // Behind the reader's own first look, which finds nothing.
    await new Promise(setImmediate);
    await eventHub.decideAll();
    expect(isOver).toBe(false);
    await revoke(writer.id, workspaceId);
    await eventHub.decideAll();
    await new Promise(setImmediate);
    expect(isOver).toBe(false);
    stream.close();
    expect(await next).toBe("the end");
    eventHub.close();
  });
});
