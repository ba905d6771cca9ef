import type { Dependencies } from "../../../server/dependencies.ts";
import { appRouter } from "../../../server/router.ts";
import { t } from "../../../server/trpc/trpc.ts";
import type { TestDatabase } from "../../support/database.ts";
import { type callerWith, requestContext } from "../../support/services.ts";
import type { TestUser } from "../../support/workspace.ts";
import { makeSessionWorld, says } from "../sessions/fixture.ts";

const createCaller = t.createCallerFactory(appRouter);
export type Stream = Awaited<ReturnType<typeof openStreamOn>>;

/** A stream as its transport reads it. */
export async function openStreamOn(
  on: Dependencies,
  user: Pick<TestUser, "headers">,
  input: StreamInput,
  controller = new AbortController(),
) {
  const caller = createCaller(requestContext(on, user.headers), { signal: controller.signal });
  const items = (await caller.workspaces.events.stream(input)) as unknown as AsyncIterable<[id: string, data: StreamedItem]>;
  const iterator = items[Symbol.asyncIterator]();
  return {
    async next(): Promise<string> {
      const { value, done } = await iterator.next();
      return done ? "the end" : `${value[0]} ${value[1].data["message"] ?? value[1].kind}`;
    },
    close: () => controller.abort(),
  };
}
export type StreamInput = Parameters<ReturnType<typeof callerWith>["workspaces"]["events"]["stream"]>[0];
interface StreamedItem {
  kind: string;
  data: Record<string, unknown>;
}

export async function take(stream: Stream, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) taken.push(await stream.next());
  return taken;
}

/** A session of a writer's in a workspace of its own, to be appended to and streamed. */
export async function openedOn(database: TestDatabase, dependencies: Dependencies, agent: { isolationLevel?: "workspace" } = {}) {
  const made = await makeSessionWorld(database, dependencies, agent);
  const { id: sessionId } = await made.open(made.writer);
  const ref = { workspaceId: made.workspaceId, sessionId };
  const append = (...texts: string[]) => made.as(made.writer).events.append({ ...ref, events: texts.map(says) });
  return { ...made, ref, append };
}
