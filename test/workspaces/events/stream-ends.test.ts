import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Dependencies } from "../../../server/dependencies.ts";
import { createEventHub } from "../../../server/workspaces/events/event-hub.ts";
import type { EventReader, Place } from "../../../server/workspaces/events/event-reader.ts";
import { internalHeaders } from "../../support/internal.ts";
import { openDependencies } from "../../support/open-dependencies.ts";
import { changePastTheServer } from "../../support/past-the-server.ts";
import { createTestDependencies } from "../../support/services.ts";
import type { TestUser } from "../../support/workspace.ts";
import { openedOn, openStreamOn, type StreamInput, take } from "./stream-reader.ts";

const { database, dependencies } = await openDependencies();

const opened = (agent: { isolationLevel?: "workspace" } = {}) => openedOn(database, dependencies, agent);
const openStream = (user: Pick<TestUser, "headers">, input: StreamInput, on: Dependencies = dependencies) =>
  openStreamOn(on, user, input);
const revoke = (userId: string, workspaceId: string) =>
  database.owner.query("delete from permissions where user_id = $1 and entity_id = $2", [userId, workspaceId]);

describe("a stream ends, where no event comes, with", () => {
  const ENDS: Record<string, { code: string; end(world: Awaited<ReturnType<typeof opened>>): Promise<unknown> }> = {
    "the permission": { code: "NOT_FOUND", end: ({ writer, workspaceId }) => revoke(writer.id, workspaceId) },
    "the session of the user": {
      code: "UNAUTHORIZED",
      end: ({ writer }) => database.owner.query("delete from session where user_id = $1", [writer.id]),
    },
    "the workspace": {
      code: "NOT_FOUND",
      end: ({ workspaceId }) => database.owner.query("update workspace set archived_at = now() where id = $1", [workspaceId]),
    },
    "the agent": {
      code: "NOT_FOUND",
      end: ({ as, admin, workspaceId, agentId }) => as(admin).agents.delete({ workspaceId, agentId }),
    },
    "the sight of the agent": {
      code: "NOT_FOUND",
      end: ({ as, admin, workspaceId, agentId, writer }) =>
        as(admin).agents.grants.set({ workspaceId, agentId, userId: writer.id, level: "none" }),
    },
    "the session that it reads": { code: "NOT_FOUND", end: ({ as, writer, ref }) => as(writer).sessions.delete(ref) },
  };

  test.each(Object.entries(ENDS))("%s", async (_, { code, end }) => {
    const world = await opened();
    const stream = await openStream(world.writer, world.ref);
    const next = stream.next();
    await Promise.all([expect(next).rejects.toMatchObject({ code }), end(world)]);
  });
});

test("a stream of another's session ends when the agent no longer shares its sessions, and goes on for the opener", async () => {
  const { ref, append, as, admin, writer, reader, workspaceId, agentId } = await opened({ isolationLevel: "workspace" });
  const own = await openStream(writer, ref);
  const others = await openStream(reader, ref);
  const [ownNext, othersNext] = [own.next(), others.next()];
  await Promise.all([
    expect(othersNext).rejects.toMatchObject({ code: "NOT_FOUND" }),
    as(admin).agents.update({ workspaceId, agentId, isolationLevel: "strict" }),
  ]);
  await append("still");
  expect(await ownNext).toBe("0 still");
  own.close();
});

test("a stream ends with its credential, though what that one stands for goes on", async () => {
  const { ref, append, writer } = await opened();
  const stream = await openStream({ headers: await internalHeaders(writer.id, "2s") }, ref);
  const first = stream.next();
  await append("in time");
  expect(await first).toBe("0 in time");
  await expect(stream.next()).rejects.toMatchObject({ code: "UNAUTHORIZED", cause: { details: { code: "STREAM_RESUMABLE" } } });
  await append("too late");
  // The control: without an end of its own, the credential of the same user reads on.
  const lasting = await openStream(writer, ref);
  expect(await take(lasting, 2)).toEqual(["0 in time", "1 too late"]);
  lasting.close();
});

test("a permission that changed and was not lost does not end a stream", async () => {
  const { ref, append, writer, workspaceId } = await opened();
  const stream = await openStream(writer, ref);
  const next = stream.next();
  await database.owner.query("update permissions set permission_type = 'admin' where user_id = $1 and entity_id = $2", [
    writer.id,
    workspaceId,
  ]);
  await dependencies.services.eventHub.decideAll();
  await append("on");
  expect(await next).toBe("0 on");
  stream.close();
});

test("a closing server ends its streams with the word that they can be resumed, and opens no other", async () => {
  const { ref, append, writer } = await opened();
  const closing = await createTestDependencies(database.appUrl);
  try {
    await append("0");
    const stream = await openStream(writer, ref, closing);
    expect(await stream.next()).toBe("0 0");
    const next = stream.next();
    closing.services.eventHub.close();
    const resumable = { code: "SERVICE_UNAVAILABLE", cause: { details: { code: "STREAM_RESUMABLE" } } };
    await expect(next).rejects.toMatchObject(resumable);
    await expect(openStream(writer, ref, closing)).rejects.toMatchObject(resumable);
  } finally {
    await closing.close();
  }
});

describe("a stream that could not be decided upon, or that reads what is no longer its own,", () => {
  const withHub = (decide: (readers: readonly EventReader[]) => Promise<Map<EventReader, number>>) => {
    const { services } = dependencies;
    const eventHub = createEventHub({ decide, wakes: services.sessionWakes, hints: services.hints });
    return { eventHub, on: { ...dependencies, services: { ...services, eventHub } } };
  };

  test("ends where the decision fails", async () => {
    const { ref, writer } = await opened();
    const { eventHub, on } = withHub(() => Promise.reject(new Error("The database is away")));
    const stream = await openStream(writer, ref, on);
    const next = stream.next();
    await expect.poll(() => eventHub.size()).toBe(1);
    await Promise.all([expect(next).rejects.toMatchObject({ code: "INTERNAL_SERVER_ERROR" }), eventHub.decideAll()]);
    eventHub.close();
  });

  test("ends where its session's row is another's by now", async () => {
    const { ref, writer } = await opened();
    const stream = await openStream(writer, ref);
    const next = stream.next();
    await expect.poll(() => dependencies.services.eventHub.size()).toBe(1);
    await changePastTheServer(database.owner, "update parlant.parlant_session set boundary = 'x' where id = $1", [ref.sessionId]);
    await Promise.all([expect(next).rejects.toMatchObject({ code: "NOT_FOUND" }), dependencies.services.eventHub.decideAll()]);
  });

  test("gives nothing more of what was read in time", async () => {
    const { ref, append, writer, workspaceId } = await opened();
    await append("a", "b");
    const stream = await openStream(writer, ref);
    expect(await stream.next()).toBe("0 a");
    await revoke(writer.id, workspaceId);
    await dependencies.services.eventHub.decideAll();
    await expect(stream.next()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("is decided upon within less than a second, and no more when it has gone", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    let decisions = 0;
    const eventHub = createEventHub({
      decide: async () => {
        decisions++;
        return new Map();
      },
      wakes: { listen: () => () => {} },
      hints: { subscribe: () => () => {} },
    });
    const place = { ctx: {}, known: {}, offset: 0 } as unknown as Place;
    const follower = eventHub.follow({ workspaceId: "w", sessionId: "s" }, place);
    vi.advanceTimersByTime(900);
    expect(decisions).toBe(1);
    follower.leave();
    vi.advanceTimersByTime(5_000);
    expect(decisions).toBe(1);
    eventHub.close();
  });
});

test("who loses what it streams is not counted as one who asks for it", async () => {
  const { ref, writer, admin, as, workspaceId, agentId } = await opened();
  const { counters } = dependencies.services.audit.signals;
  const streams = await Promise.all([1, 2, 3].map(() => openStream(writer, ref)));
  const ended = streams.map((stream) => expect(stream.next()).rejects.toMatchObject({ code: "NOT_FOUND" }));
  const before = counters.refusals;
  await as(admin).agents.delete({ workspaceId, agentId });
  await Promise.all(ended);
  expect(counters.refusals).toBe(before);
  // Control: to ask for it now is counted.
  await expect(openStream(writer, ref)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(counters.refusals).toBe(before + 1);
});
