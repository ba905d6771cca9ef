import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClientOptions, createClient } from "../../client-sdk/src/index.ts";
import { withConnection } from "../support/connection.ts";
import { createTestDatabase, makeApiKey, type TestDatabase } from "../support/database.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";
import { type MortalServer, startMortalServer } from "./mortal-server.ts";

const isLong = process.env["ISOLATION_FUZZ"] === "long";
const SERVERS = 2;
const WORKSPACES = 2;
const SESSIONS = isLong ? 20 : 6;
const WRITERS = isLong ? 50 : 12;
const APPENDS = isLong ? 60 : 8;
/** By turns over server-sent events and over long polls. */
const READERS_OF_EACH = 4;
const KILLS = isLong ? 20 : 2;
const PATIENCE = { retries: 200, timeoutMs: 300_000 };

let database: TestDatabase;
let servers: MortalServer[];

beforeAll(async () => {
  database = await createTestDatabase();
  servers = [await startMortalServer(database.appUrl), await startMortalServer(database.appUrl)];
}, 120_000);

afterAll(async () => {
  for (const server of servers ?? []) await server.stop();
  await database?.drop();
});

interface Conversation {
  workspaceId: string;
  sessionId: string;
  apiKey: string;
  /** What was written, whether or not its answer was received. */
  written: string[];
}

async function makeConversations(): Promise<Conversation[]> {
  const made: Conversation[] = [];
  for (let workspace = 0; workspace < WORKSPACES; workspace++) {
    const { id: workspaceId, admin } = await makeStaffedWorkspace(database.owner);
    const { plain: apiKey } = await makeApiKey(database.owner, { userId: admin.id });
    const ws = clientOf({ workspaceId, apiKey }, 0);
    const agent = await ws.agents.create({ name: "Support" });
    for (let session = 0; session < SESSIONS / WORKSPACES; session++) {
      const { id: sessionId } = await ws.sessions.create({ agentId: agent.id });
      made.push({ workspaceId, sessionId, apiKey, written: [] });
    }
  }
  return made;
}

type Fetch = ClientOptions["fetch"];
const clientOf = ({ workspaceId, apiKey }: Pick<Conversation, "workspaceId" | "apiKey">, server: number, fetch?: Fetch) =>
  createClient({ baseUrl: servers[server % SERVERS]?.url ?? "", apiKey, ...PATIENCE, fetch }).workspace(workspaceId);

/** A platform that can stream nothing, where events are polled for. */
const fetchWithoutStreams: Fetch = async (url, { signal, ...init }) => {
  const response = await fetch(url, { ...init, signal });
  const { status, headers } = response;
  const isStream = headers.get("content-type")?.includes("event-stream");
  if (isStream) await response.body?.cancel();
  return { status, headers, text: () => (isStream ? Promise.resolve("") : response.text()) };
};

interface Seen {
  offset: number;
  text: string;
}

/** Reads a session until it has seen as many events as it is told, through whatever happens to the server. */
async function readAll(
  conversation: Conversation,
  server: number,
  count: () => number | null,
  signal: AbortSignal,
  fetch?: Fetch,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const { offset, data } of clientOf(conversation, server, fetch).events.stream(conversation.sessionId, {
    retries: PATIENCE.retries,
    signal,
  })) {
    seen.push({ offset, text: String(data["message"]) });
    if (seen.length >= (count() ?? Number.POSITIVE_INFINITY)) break;
  }
  return seen;
}

/** What is wrong with what a reader saw: nothing, where it is every event that was written, once and in order. */
function problemsOf(seen: readonly Seen[], { written, workspaceId }: Conversation): string[] {
  const texts = seen.map(({ text }) => text);
  return [
    ...seen.flatMap(({ offset }, index) => (offset === index ? [] : [`offset ${offset} came at place ${index}`])),
    ...written
      .filter((text) => texts.filter((other) => other === text).length !== 1)
      .map((text) => `"${text}" was not seen once`),
    ...texts.filter((text) => !text.startsWith(workspaceId)).map((text) => `"${text}" is another workspace's`),
    ...(texts.length === written.length ? [] : [`${texts.length} were seen of ${written.length}`]),
  ];
}

test(`${WRITERS} writers to ${SESSIONS} sessions and reconnecting readers, through ${KILLS} kills: every reader sees every offset once, in order`, {
  timeout: isLong ? 3_600_000 : 300_000,
}, async () => {
  const conversations = await makeConversations();
  const total = (conversation: Conversation) => {
    const index = conversations.indexOf(conversation);
    const writers = Array.from({ length: WRITERS }, (_, writer) => writer).filter((writer) => writer % SESSIONS === index);
    return writers.length * APPENDS;
  };
  const givenUp = new AbortController();
  const reading = conversations.map((conversation) =>
    Promise.all(
      Array.from({ length: READERS_OF_EACH }, (_, reader) =>
        readAll(
          conversation,
          reader >> 1,
          () => total(conversation),
          givenUp.signal,
          reader % 2 === 0 ? undefined : fetchWithoutStreams,
        ),
      ),
    ),
  );
  let writing = WRITERS;
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    const conversation = conversations[writer % SESSIONS] as Conversation;
    const { events } = clientOf(conversation, writer);
    for (let index = 0; index < APPENDS; index++) {
      const message = `${conversation.workspaceId} writer ${writer} message ${index}`;
      conversation.written.push(message);
      await events.append(conversation.sessionId, { kind: "message", source: "customer", data: { message } }, PATIENCE);
    }
    writing--;
  });
  let kills = 0;
  const killing = (async () => {
    for (; kills < KILLS; kills++) await servers[kills % SERVERS]?.killAndRestart();
  })();
  await Promise.all([...writers, killing]);
  expect(writing).toBe(0);
  const seen = await Promise.all(reading);
  for (const [index, conversation] of conversations.entries()) {
    for (const one of seen[index] ?? []) expect(problemsOf(one, conversation)).toEqual([]);
  }
  const events = conversations.reduce((sum, { written }) => sum + written.length, 0);
  console.log(`${events} events in ${SESSIONS} sessions, ${kills} kills, ${SESSIONS * READERS_OF_EACH} readers`);

  // Control: where an event is lost, and where one is doubled, a reader from the beginning shows it.
  const [conversation] = conversations as [Conversation];
  const tamper = (text: string) =>
    withConnection(database.superuserUrl, (superuser) => superuser.query(text, [conversation.sessionId]));
  const again = async (count: number) => problemsOf(await readAll(conversation, 0, () => count, givenUp.signal), conversation);
  const count = conversation.written.length;
  expect(await again(count)).toEqual([]);
  await tamper(`update parlant.parlant_event e set data = other.data from parlant.parlant_event other
    where e.session_id = $1 and other.session_id = $1 and e."offset" = 1 and other."offset" = 2`);
  expect(await again(count)).not.toEqual([]);
  await tamper(`delete from parlant.parlant_event where session_id = $1 and "offset" = 0`);
  expect(await again(count - 1)).toContain("offset 1 came at place 0");
  givenUp.abort();
});
