import { randomUUID } from "node:crypto";
import superjson from "superjson";
import { grantPermission, makeApiKey, makeUser, makeWorkspace } from "../../support/database.ts";
import type { TestServer } from "../../support/server.ts";

/** A workspace that takes part in the race, with its admin's key and an agent that can be asked for by id. */
export interface Contestant {
  id: string;
  apiKey: string;
  agentId: string;
}

export interface Field {
  contestants: readonly Contestant[];
  /** Of a user who is in every workspace, so that one batch of calls may mix them. */
  roamersKey: string;
}

/** What a run of requests came to. */
export interface RequestTally {
  requests: number;
  /** By HTTP status; "aborted" where the client hung up, "batch" where one answer has several calls. */
  answers: Record<string, number>;
  /** Something in an answer carried another workspace's id. */
  crossed: number;
  /** An answer without what its workspace has. */
  lacking: number;
  /** A status or an error that a client has no reason to meet, each with what it was. */
  unexpected: string[];
}

const AGENTS_EACH = 3;

/** Workspaces, each with agents whose every text names it. */
export async function makeField(server: TestServer, size: number): Promise<Field> {
  const { owner } = server.database;
  const roamer = await makeUser(owner);
  const contestants: Contestant[] = [];
  for (let index = 0; index < size; index++) {
    const user = await makeUser(owner);
    const { id } = await makeWorkspace(owner, { id: `race-${index}`, ownerId: user.id });
    await grantPermission(owner, { userId: roamer.id, workspaceId: id, permission: "write" });
    const apiKey = (await makeApiKey(owner, { userId: user.id })).plain;
    const created = Array.from({ length: AGENTS_EACH }, async (_, number) => {
      const init = json(apiKey, "POST", { name: `${id} ${number}`, description: id });
      return (await fetch(agentsUrl(server, id), init)).json() as Promise<{ id: string }>;
    });
    const [first] = await Promise.all(created);
    contestants.push({ id, apiKey, agentId: first?.id ?? "" });
  }
  return { contestants, roamersKey: (await makeApiKey(owner, { userId: roamer.id })).plain };
}

export interface RaceOptions {
  requests: number;
  /** Requests under way at once. */
  width: number;
  /** One of so many is given up by its client while it is under way; 0 is none. */
  abortEvery: number;
  /** Called for one of so many requests, beside it. */
  fault?: { every: number; strike(): Promise<void> };
}

/** Sends the requests, and judges each answer by the workspaces that are named in it. */
export async function raceRequests(server: TestServer, field: Field, options: RaceOptions): Promise<RequestTally> {
  const tally: RequestTally = { requests: 0, answers: {}, crossed: 0, lacking: 0, unexpected: [] };
  const lanes = Array.from({ length: options.width }, async () => {
    while (tally.requests < options.requests) {
      const turn = tally.requests++;
      const own = field.contestants[turn % field.contestants.length] as Contestant;
      const other = field.contestants[(turn * 7 + 1) % field.contestants.length] as Contestant;
      const kind = KINDS[Math.floor(turn / field.contestants.length) % KINDS.length] as Kind;
      const isAborted = options.abortEvery > 0 && turn % options.abortEvery === 0;
      const strike = options.fault && turn % options.fault.every === 0 ? options.fault.strike() : undefined;
      await kind(own, { server, field, other, tally, signal: isAborted ? abortSoon(turn) : undefined });
      await strike;
    }
  });
  await Promise.all(lanes);
  return tally;
}

interface Request {
  server: TestServer;
  field: Field;
  other: Contestant;
  tally: RequestTally;
  signal: AbortSignal | undefined;
}

type Kind = (own: Contestant, request: Request) => Promise<void>;

const KINDS: readonly Kind[] = [
  async function list(own, request) {
    const body = await send(request, agentsUrl(request.server, own.id), json(own.apiKey, "GET"), [200]);
    judgeList(request.tally, own.id, body);
  },
  async function get(own, request) {
    const body = await send(request, `${agentsUrl(request.server, own.id)}/${own.agentId}`, json(own.apiKey, "GET"), [200]);
    judge(request.tally, own.id, body);
  },
  async function create(own, request) {
    const init = json(own.apiKey, "POST", { name: `${own.id} ${randomUUID()}`, description: own.id });
    judge(request.tally, own.id, await send(request, agentsUrl(request.server, own.id), init, [201]));
  },
  async function getAnothers(own, request) {
    if (own === request.other) return;
    const url = `${agentsUrl(request.server, own.id)}/${request.other.agentId}`;
    judgeAbsent(request.tally, request.other.id, await send(request, url, json(own.apiKey, "GET"), [404]));
  },
  async function update(own, request) {
    const init = json(own.apiKey, "PATCH", { description: own.id });
    const body = await send(request, `${agentsUrl(request.server, own.id)}/${own.agentId}`, init, [200, 409]);
    judge(request.tally, own.id, body);
  },
  async function mixedBatch(own, request) {
    const named = [own, request.other, own].map(({ id }) => id);
    const input = Object.fromEntries(named.map((workspaceId, index) => [index, superjson.serialize({ workspaceId })]));
    const path = named.map(() => "workspaces.agents.list").join(",");
    const url = `${request.server.url}/api/trpc/${path}?batch=1&input=${encodeURIComponent(JSON.stringify(input))}`;
    const answers = (await send(request, url, json(request.field.roamersKey, "GET"), [200, 207])) as BatchAnswer[] | null;
    for (const [index, answer] of (Array.isArray(answers) ? answers : []).entries()) {
      if (answer.result) judgeList(request.tally, named[index] ?? "", answer.result.data.json);
      else judgeError(request.tally, answer.error?.json.data.httpStatus ?? 0);
    }
  },
];

interface BatchAnswer {
  result?: { data: { json: unknown } };
  error?: { json: { data: { httpStatus: number } } };
}

/** Connections and statements fail under the faults, which a client is told by 503. */
const FAULTED = 503;

/** The body of an answer that is what is expected; null where the call was not answered so. */
async function send({ tally, signal }: Request, url: string, init: RequestInit, expected: number[]): Promise<unknown> {
  try {
    const answer = await fetch(url, { ...init, ...(signal ? { signal } : {}) });
    const body: unknown = await answer.json();
    count(tally, String(answer.status));
    if (expected.includes(answer.status)) return body;
    // Of a batch whose calls all fail, the status is theirs.
    if (Array.isArray(body)) return body;
    if (answer.status !== FAULTED) tally.unexpected.push(`${init.method} ${url}: ${answer.status} ${JSON.stringify(body)}`);
  } catch (error) {
    if (signal?.aborted) count(tally, "aborted");
    else tally.unexpected.push(`${init.method} ${url}: ${error} ${(error as Error).cause ?? ""}`);
  }
  return null;
}

function judge(tally: RequestTally, workspaceId: string, body: unknown): void {
  if (body === null) return;
  // A conflict names no workspace.
  tally.crossed += raceIdsIn(body).filter((id) => id !== workspaceId).length;
}

function judgeList(tally: RequestTally, workspaceId: string, body: unknown): void {
  if (body === null) return;
  judge(tally, workspaceId, body);
  if ((body as { data: unknown[] }).data.length < AGENTS_EACH) tally.lacking++;
}

function judgeAbsent(tally: RequestTally, workspaceId: string, body: unknown): void {
  tally.crossed += raceIdsIn(body).filter((id) => id === workspaceId).length;
}

function judgeError(tally: RequestTally, status: number): void {
  count(tally, `batch ${status}`);
  if (status !== FAULTED) tally.unexpected.push(`a call of a batch: ${status}`);
}

/** Every workspace of the race that a text anywhere in the value names: ids, names and descriptions alike. */
function raceIdsIn(body: unknown): string[] {
  return JSON.stringify(body).match(/race-\d+/g) ?? [];
}

function count(tally: RequestTally, key: string): void {
  tally.answers[key] = (tally.answers[key] ?? 0) + 1;
}

function abortSoon(turn: number): AbortSignal {
  const controller = new AbortController();
  const after = (turns: number): unknown => (turns === 0 ? controller.abort() : setImmediate(() => after(turns - 1)));
  after((turn % 13) + 1);
  return controller.signal;
}

export function agentsUrl(server: Pick<TestServer, "url">, workspaceId: string): string {
  return `${server.url}/api/v1/workspaces/${workspaceId}/agents`;
}

export function json(apiKey: string, method: string, body?: object): RequestInit {
  return {
    method,
    headers: { "x-api-key": apiKey, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  };
}
