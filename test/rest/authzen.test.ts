import pino from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeApiKey } from "../support/database.ts";
import { internalHeaders } from "../support/internal.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

let server: TestServer;
let open: string;
let hidden: string;

beforeAll(async () => {
  server = await startTestServer({ BASE_PATH: "/parlant", DENIAL_LIMIT_PER_MINUTE: "0" });
  const { id: workspaceId, admin } = server.workspace;
  const { agents } = callerWith(server.dependencies, admin.headers).workspaces;
  open = (await agents.create({ workspaceId, name: "Open" })).id;
  hidden = (await agents.create({ workspaceId, name: "Hidden", visibility: "restricted" })).id;
});

afterAll(() => server?.stop());

const post = async (path: string, headers: Record<string, string>, body: unknown, to = server) => {
  const response = await fetch(`${to.url}/access/v1/${path}`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", "x-request-id": "asked" },
    body: JSON.stringify(body),
  });
  return { status: response.status, requestId: response.headers.get("x-request-id"), body: (await response.json()) as never };
};
const user = (id: string) => ({ type: "user", id });
const agent = (id: string) => ({ type: "agent", id, properties: { workspaceId: server.workspace.id } });
const workspace = () => ({ type: "workspace", id: server.workspace.id });
const action = (name: string) => ({ name });

test("an evaluation is a decision on oneself, the same as the call would be, and echoes the request's id", async () => {
  const { reader, writer } = server.workspace;
  const ask = (who: typeof reader, name: string, resource: object) =>
    post("evaluation", who.headers, { subject: user(who.id), action: action(name), resource });
  expect(await ask(writer, "agent:update", agent(open))).toEqual({ status: 200, requestId: "asked", body: { decision: true } });
  expect((await ask(reader, "agent:update", agent(open))).body).toEqual({
    decision: false,
    context: { reason: "INSUFFICIENT_AGENT_LEVEL", required: "configure", actual: "view" },
  });
  expect((await ask(writer, "agent:create", workspace())).body).toEqual({ decision: true });
  const absent = await ask(reader, "agent:get", agent("01890000-0000-7000-8000-000000000000"));
  expect(absent.body).toEqual({ decision: false, context: { reason: "NOT_FOUND", required: "view", actual: null } });
  expect((await ask(reader, "agent:get", agent(hidden))).body).toEqual(absent.body);
});

test("a workspace that is closed to the subject denies like one that is not there", async () => {
  const { reader } = server.workspace;
  const other = await makeStaffedWorkspace(server.database.owner);
  const answers = await Promise.all(
    [other.id, "nowhere"].map((id) =>
      post("evaluation", reader.headers, {
        subject: user(reader.id),
        action: action("agent:list"),
        resource: { type: "workspace", id },
      }),
    ),
  );
  expect(answers[0]).toEqual(answers[1]);
  expect(answers[0]).toMatchObject({ status: 200, body: { decision: false, context: { reason: "NOT_FOUND" } } });
});

test("what it does not know denies, and what stands beside is no matter", async () => {
  const { admin } = server.workspace;
  const ask = (change: object) =>
    post("evaluation", admin.headers, {
      subject: { ...user(admin.id), properties: { department: "x" }, more: 1 },
      action: { name: "agent:get", properties: { method: "GET" } },
      resource: agent(open),
      context: { time: "2026-01-01T00:00:00Z", nested: { any: [1] } },
      extra: true,
      ...change,
    });
  expect((await ask({})).body).toEqual({ decision: true });
  for (const change of [
    { action: action("can_fly") },
    { action: action("agent:create") },
    { action: action("constructor") },
    { resource: { type: "document", id: "1" } },
    { resource: agent("no uuid") },
  ]) {
    expect(await ask(change)).toMatchObject({ status: 200, body: { decision: false } });
  }
});

test("a question that lacks what it takes is 400, one without a credential 401, one about another 403", async () => {
  const { admin, reader } = server.workspace;
  const complete = { subject: user(admin.id), action: action("agent:get"), resource: agent(open) };
  for (const body of [
    {},
    [],
    "x",
    { ...complete, subject: undefined },
    { ...complete, subject: { type: "user" } },
    { ...complete, action: {} },
    { ...complete, resource: { type: "agent", id: open } },
    { ...complete, context: "now" },
  ]) {
    expect((await post("evaluation", admin.headers, body)).status).toBe(400);
  }
  expect((await post("evaluation", {}, complete)).status).toBe(401);
  expect((await post("evaluation", { "x-api-key": "sk-sim-unknown" }, {})).status).toBe(401);
  expect((await post("evaluation", admin.headers, { ...complete, subject: user(reader.id) })).status).toBe(403);
  expect((await post("evaluations", admin.headers, { ...complete, evaluations: [{ subject: user(reader.id) }] })).status).toBe(
    403,
  );
});

test("several are answered in their order, each with what it does not say itself from beside", async () => {
  const { writer } = server.workspace;
  const ask = (semantic: string | undefined, names: string[]) =>
    post("evaluations", writer.headers, {
      subject: user(writer.id),
      resource: agent(open),
      evaluations: names.map((name) => ({ action: action(name) })),
      ...(semantic && { options: { evaluations_semantic: semantic, other: 1 } }),
    });
  const decisions = (answer: { body: unknown }) =>
    (answer.body as { evaluations: { decision: boolean }[] }).evaluations.map(({ decision }) => decision);
  const mixed = ["agent:get", "agent:delete", "agent:update"];
  expect(decisions(await ask(undefined, mixed))).toEqual([true, false, true]);
  expect(decisions(await ask("execute_all", mixed))).toEqual([true, false, true]);
  expect(decisions(await ask("deny_on_first_deny", mixed))).toEqual([true, false]);
  expect(decisions(await ask("permit_on_first_permit", ["agent:delete", "agent:get", "agent:update"]))).toEqual([false, true]);
  expect(decisions(await ask("permit_on_first_permit", ["agent:delete"]))).toEqual([false]);
  expect((await ask("guess", mixed)).status).toBe(400);
  const other = { resource: agent(hidden), action: action("agent:get") };
  const overridden = await post("evaluations", writer.headers, {
    ...{ subject: user(writer.id), resource: agent(open), action: action("agent:get") },
    evaluations: [{}, other, { resource: { type: "agent", id: open } }, { action: { no: "name" } }],
  });
  expect(overridden.body).toMatchObject({
    evaluations: [
      { decision: true },
      { decision: false, context: { reason: "NOT_FOUND" } },
      { decision: false, context: { error: { status: 400 } } },
      { decision: false, context: { error: { status: 400 } } },
    ],
  });
});

test("without evaluations a batch is a single evaluation", async () => {
  const { reader } = server.workspace;
  const one = { subject: user(reader.id), action: action("agent:get"), resource: agent(open) };
  expect((await post("evaluations", reader.headers, one)).body).toEqual({ decision: true });
  expect((await post("evaluations", reader.headers, { ...one, evaluations: [] })).body).toEqual({ decision: true });
  expect((await post("evaluations", reader.headers, { subject: one.subject })).status).toBe(400);
});

test("Sim's backend asks about anyone by a token without a user, and with one about that user alone", async () => {
  const { reader, writer, admin } = server.workspace;
  const evaluations = [reader.id, writer.id, admin.id, "nobody"].map((id) => ({ subject: user(id) }));
  const body = { action: action("agent:update"), resource: agent(open), evaluations };
  const asked = await post("evaluations", await internalHeaders(), body);
  expect(asked.body).toMatchObject({
    evaluations: [{ decision: false }, { decision: true }, { decision: true }, { decision: false }],
  });
  await server.database.owner.query(`update "user" set banned = true where id = $1`, [writer.id]);
  expect((await post("evaluations", await internalHeaders(), body)).body).toMatchObject({
    evaluations: [{ decision: false }, { decision: false }, { decision: true }, { decision: false }],
  });
  await server.database.owner.query(`update "user" set banned = false where id = $1`, [writer.id]);
  const acting = await internalHeaders(admin.id);
  expect((await post("evaluations", acting, { ...body, evaluations: [{ subject: user(admin.id) }] })).body).toMatchObject({
    evaluations: [{ decision: true }],
  });
  expect((await post("evaluations", acting, body)).status).toBe(403);
  const strange = { ...body, evaluations: [{ subject: { type: "robot", id: "1" } }] };
  expect((await post("evaluations", await internalHeaders(), strange)).body).toMatchObject({
    evaluations: [{ decision: false }],
  });
});

test("a workspace key asks as itself", async () => {
  const { id: workspaceId, admin } = server.workspace;
  const key = await makeApiKey(server.database.owner, { userId: admin.id, workspaceId });
  const body = { subject: { type: "workspace_api_key", id: key.id }, action: action("agent:update"), resource: agent(open) };
  expect((await post("evaluation", { "x-api-key": key.plain }, body)).body).toEqual({ decision: true });
  expect((await post("evaluation", { "x-api-key": key.plain }, { ...body, subject: user(admin.id) })).status).toBe(403);
});

test("a revoked permission and a revoked session are honoured by the very next question", async () => {
  const { id: workspaceId, writer, admin } = await makeStaffedWorkspace(server.database.owner);
  const { id } = await callerWith(server.dependencies, admin.headers).workspaces.agents.create({ workspaceId, name: "Scout" });
  const body = {
    subject: user(writer.id),
    action: action("agent:get"),
    resource: { type: "agent", id, properties: { workspaceId } },
  };
  const ask = () => post("evaluation", writer.headers, body);
  expect((await ask()).body).toEqual({ decision: true });
  await server.database.owner.query("delete from permissions where user_id = $1", [writer.id]);
  expect((await ask()).body).toMatchObject({ decision: false });
  await server.database.owner.query("delete from session where user_id = $1", [writer.id]);
  expect((await ask()).status).toBe(401);
});

test("what Sim's backend is told is neither charged to the users asked about, nor slowed, nor logged as theirs", async () => {
  const LIMIT = 12;
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const limited = await startTestServer(
    { DENIAL_LIMIT_PER_MINUTE: String(LIMIT) },
    { alter: (services) => ({ ...services, log }) },
  );
  try {
    const { id, reader } = limited.workspace;
    const closed = Array.from({ length: LIMIT + 3 }, (_, index) => ({ resource: { type: "workspace", id: `closed-${index}` } }));
    const body = { subject: user(reader.id), action: action("agent:list"), evaluations: closed };
    for (let time = 0; time < 2; time++) {
      const { status, body: answer } = await post("evaluations", await internalHeaders(), body, limited);
      expect(status).toBe(200);
      expect((answer as { evaluations: { decision: boolean }[] }).evaluations.map(({ decision }) => decision)).toEqual(
        closed.map(() => false),
      );
    }
    expect(limited.dependencies.services.audit.signals.counters).toEqual({ refusals: 0, repeated: 0, slowed: 0 });
    const asked = lines.map((line) => JSON.parse(line)).filter(({ procedure }) => procedure?.startsWith("authzen."));
    expect(asked.map(({ principalId }) => principalId)).not.toContain(reader.id);
    expect(asked).toHaveLength(2);
    // Control: what a caller asks about itself is answered whole, and counts for it.
    expect((await post("evaluations", reader.headers, body, limited)).status).toBe(200);
    expect((await post("evaluations", reader.headers, body, limited)).status).toBe(429);
    const list = await fetch(`${limited.url}/api/v1/workspaces/${id}/agents`, { headers: reader.headers });
    expect(list.status).toBe(429);
    const { writer } = limited.workspace;
    const own = { subject: user(writer.id), action: action("agent:list"), resource: { type: "workspace", id } };
    expect((await post("evaluation", writer.headers, own, limited)).body).toEqual({ decision: true });
  } finally {
    await limited.stop();
  }
});

test("a batch counts as the calls that it makes, one for each workspace, and is refused whole beyond the limit", async () => {
  const LIMIT = 20;
  const limited = await startTestServer({ RATE_LIMIT_PER_MINUTE: String(LIMIT), DENIAL_LIMIT_PER_MINUTE: "0" });
  try {
    const { id, writer } = limited.workspace;
    const ask = async (ids: string[]) => {
      const evaluations = ids.map((workspaceId) => ({ resource: { type: "workspace", id: workspaceId } }));
      const response = await fetch(`${limited.url}/access/v1/evaluations`, {
        method: "POST",
        headers: { ...writer.headers, "content-type": "application/json" },
        body: JSON.stringify({ subject: user(writer.id), action: action("agent:list"), evaluations }),
      });
      return [response.status, response.headers.get("x-ratelimit-remaining"), response.headers.has("retry-after")];
    };
    const different = (count: number) => Array.from({ length: count }, (_, index) => `w${index}`);
    // The request by which a credential becomes known is its address's.
    expect(await ask([id])).toEqual([200, "19", false]);
    expect(await ask(different(5))).toEqual([200, "15", false]);
    // Control: as many questions about one workspace are one call.
    expect(await ask(Array(5).fill(id))).toEqual([200, "14", false]);
    expect(await ask(different(15))).toEqual([429, "0", true]);
    expect(await ask([id])).toEqual([429, "0", true]);
  } finally {
    await limited.stop();
  }
});

test("a session that was deleted is told nothing more, also where no statement is made", async () => {
  const complete = ({ id, writer }: TestWorkspace) => ({
    ...{ subject: user(writer.id), action: action("agent:list"), resource: { type: "workspace", id } },
  });
  const ask = (path: string, workspace: TestWorkspace, change: object) =>
    post(path, workspace.writer.headers, { ...complete(workspace), ...change });
  const calls: [number, (workspace: TestWorkspace) => Promise<{ status: number }>][] = [
    [400, (workspace) => ask("evaluation", workspace, { action: {} })],
    [200, (workspace) => ask("evaluation", workspace, { action: action("can_fly") })],
    [403, (workspace) => ask("evaluation", workspace, { subject: user(workspace.admin.id) })],
    [200, (workspace) => ask("evaluations", workspace, { evaluations: [{ action: {} }] })],
    [200, (workspace) => ask("evaluation", workspace, { resource: { type: "workspace", id: "nowhere" } })],
    [200, (workspace) => ask("evaluation", workspace, { resource: { type: "workspace", id: server.workspace.id } })],
    [
      400,
      ({ id, writer }) =>
        fetch(`${server.url}/api/v1/workspaces/${id}/agents`, {
          method: "POST",
          headers: { ...writer.headers, "content-type": "application/json", "idempotency-key": "a b" },
          body: JSON.stringify({ name: "Scout" }),
        }),
    ],
  ];
  for (const [answered, call] of calls) {
    const workspace = await makeStaffedWorkspace(server.database.owner);
    // Control: while the session is there, it is answered.
    expect((await call(workspace)).status).toBe(answered);
    expect((await ask("evaluation", workspace, {})).body).toEqual({ decision: true });
    await server.database.owner.query("delete from session where user_id = $1", [workspace.writer.id]);
    expect((await call(workspace)).status).toBe(401);
  }
});
