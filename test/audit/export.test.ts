import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ExportFormat, verifyExport } from "../../client-sdk/src/audit/index.ts";
import { assertDocumented, operationAt } from "../rest/documented.ts";
import { withConnection } from "../support/connection.ts";
import { grantPermission, makeApiKey } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ RATE_LIMIT_PER_MINUTE: "0" });
});
afterAll(() => server?.stop());

const bend = (text: string, values?: unknown[]) =>
  withConnection(server.database.superuserUrl, (admin) => admin.query(text, values));
const callsOf = (user: { headers: Record<string, string> }) => callerWith(server.dependencies, user.headers).workspaces;

async function makeTrail(changes: number): Promise<TestWorkspace> {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const { agents } = callsOf(workspace.writer);
  for (let index = 0; index < changes; index++) {
    const { id: agentId } = await agents.create({ workspaceId: workspace.id, name: `=Agent ${index}` });
    if (index % 3 === 0) await agents.update({ workspaceId: workspace.id, agentId, description: "other" });
  }
  return workspace;
}

/** Events made in one go, for exports of more than one piece. */
async function fillTrail({ id }: TestWorkspace, events: number, padding = 0): Promise<void> {
  await bend(
    `insert into parlant.parlant_audit_event (workspace_id, id, occurred_at, action, outcome, actor_kind, target_kind, target_id)
     select $1, (lpad(to_hex(1688083200000 + n * 1000), 12, '0') || '70008000' || lpad(n::text, 12, '0'))::uuid, '2023-06-30T00:00:00Z'::timestamptz + n * interval '1 second',
       case when n % 100 = 0 then 'agent.delete' else 'agent.update' end, 'success', 'session', 'agent',
       'agent-' || n || repeat('x', $3)
     from generate_series(1, $2::int) n`,
    [id, events, padding],
  );
}

const pathOf = ({ id }: TestWorkspace, query = "") => `/workspaces/${encodeURIComponent(id)}/audit-log/export${query}`;

async function download(workspace: TestWorkspace, query = "", user = workspace.admin): Promise<Response> {
  return fetch(`${server.url}/api/v1${pathOf(workspace, query)}`, { headers: user.headers });
}

async function verifyFile(workspace: TestWorkspace, file: Iterable<Uint8Array | string>, checkpoint?: string) {
  const { publicKey } = await callsOf(workspace.admin).audit.verify({ workspaceId: workspace.id });
  return verifyExport(file, { publicKeys: [publicKey], checkpoint });
}

test.each([
  ["ndjson", "application/x-ndjson"],
  ["csv", "text/csv; charset=utf-8"],
] as const)("an export as %s is one file that proves itself, and is recorded in itself", async (format, type) => {
  const workspace = await makeTrail(4);
  const response = await download(workspace, `?format=${format}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(type);
  expect(response.headers.get("content-disposition")).toBe(`attachment; filename="audit-log.${format}"`);
  expect(response.headers.get("cache-control")).toBe("private, no-store");
  const file = await response.text();
  expect(await verifyFile(workspace, [file])).toMatchObject({ valid: true, events: 7, omitted: 0, filter: {}, treeSize: 7 });
  const records = file.split("\n").filter((record) => record.includes("audit.export"));
  expect(records).toHaveLength(1);
  expect(records[0]).toContain(workspace.admin.id);
  expect(file).not.toContain("=Agent");
});

test("ndjson is what is sent where nothing else is asked for, and the document says so", async () => {
  const workspace = await makeTrail(1);
  const response = await download(workspace);
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  const operation = operationAt("GET", pathOf(workspace));
  expect(operation.responses["200"]).toMatchObject({
    content: {
      "application/x-ndjson": { schema: { type: "string" } },
      "text/csv; charset=utf-8": { schema: { type: "string" } },
    },
  });
  const names = operation.parameters.map(({ name }) => name);
  expect(names).toEqual(["workspace_id", "format", "from", "to", "action", "outcome", undefined]);
});

test.each(["ndjson", "csv"] as ExportFormat[])(
  "a filtered export as %s proves what it has, and that the rest is there",
  async (format) => {
    const workspace = await makeStaffedWorkspace(server.database.owner);
    await fillTrail(workspace, 1_234);
    const query = `?format=${format}&action=agent.delete&from=2023-06-30T02:05:00%2B02:00&to=2023-06-30T00:10:00.000Z&outcome=success`;
    const file = await (await download(workspace, query)).text();
    expect(await verifyFile(workspace, [file])).toMatchObject({
      valid: true,
      events: 4,
      omitted: 1_231,
      filter: { action: "agent.delete", from: "2023-06-30T00:05:00.000Z", to: "2023-06-30T00:10:00.000Z", outcome: "success" },
    });
    expect([...file.matchAll(/agent-(\d+)/g)].map(([, n]) => n)).toEqual(["300", "400", "500", "600"]);
  },
);

test("the pieces over tRPC are the same file, whoever joins them; a bent cursor is refused", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  await fillTrail(workspace, 1_100);
  const { audit } = callsOf(workspace.admin);
  const pieces: string[] = [];
  const cursors: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const { text, nextCursor } = await audit.export({ workspaceId: workspace.id, format: "csv", ...(cursor && { cursor }) });
    pieces.push(text);
    if (nextCursor === null) break;
    cursor = nextCursor;
    cursors.push(cursor);
  }
  expect(pieces).toHaveLength(3);
  expect(await verifyFile(workspace, pieces)).toMatchObject({ valid: true, events: 1_101 });
  const [cursor = ""] = cursors;
  const [position = "", tag = ""] = cursor.split(".");
  const moved = Buffer.from(Buffer.from(position, "base64url").toString().replace('"next":500', '"next":600')).toString(
    "base64url",
  );
  const other = await makeStaffedWorkspace(server.database.owner);
  const refused = [
    { format: "csv" as const, cursor: `${moved}.${tag}` },
    { format: "csv" as const, cursor: `${position}.` },
    { format: "csv" as const, cursor: "x" },
    { format: "ndjson" as const, cursor },
    { format: "csv" as const, action: "agent.update", cursor },
  ];
  for (const query of refused) {
    await expect(audit.export({ workspaceId: workspace.id, ...query })).rejects.toMatchObject({ code: "BAD_REQUEST" });
  }
  await expect(callsOf(other.admin).audit.export({ workspaceId: other.id, format: "csv", cursor })).rejects.toMatchObject({
    code: "BAD_REQUEST",
  });
  const { rows } = await bend(
    "select count(*)::int from parlant.parlant_audit_event where workspace_id = any ($1) and action = 'audit.export' and outcome = 'success'",
    [[workspace.id, other.id]],
  );
  expect(rows).toEqual([{ count: 1 }]);
});

test("an export of a bent trail shows offline what was bent, by its place", async () => {
  const workspace = await makeTrail(5);
  await server.dependencies.sealer.seal(workspace.id);
  const { checkpoint } = await callsOf(workspace.admin).audit.verify({ workspaceId: workspace.id });
  const at = async (seq: number) => {
    const { rows } = await bend("select event_id from parlant.parlant_audit_leaf where workspace_id = $1 and seq = $2", [
      workspace.id,
      seq,
    ]);
    return rows[0]?.event_id;
  };
  const onEvent = (change: string) => `update parlant.parlant_audit_event set ${change} where workspace_id = $1 and id = $2`;
  await bend(onEvent("actor_id = 'x'"), [workspace.id, await at(1)]);
  await bend(onEvent("occurred_at = '2001-01-01'"), [workspace.id, await at(2)]);
  await bend("delete from parlant.parlant_audit_event where workspace_id = $1 and id = $2", [workspace.id, await at(3)]);
  await bend("delete from parlant.parlant_audit_leaf where workspace_id = $1 and seq = 5", [workspace.id]);
  for (const format of ["ndjson", "csv"]) {
    const file = await (await download(workspace, `?format=${format}&from=2000-01-01T00:00:00Z`)).text();
    const { problems, valid } = await verifyFile(workspace, [file], checkpoint ?? "");
    expect(valid).toBe(false);
    expect(problems.map(({ kind, firstSeq, lastSeq }) => `${kind} ${firstSeq}-${lastSeq}`)).toEqual([
      "changed 1-2",
      "lost 5-5",
      "missing 3-3",
    ]);
  }
});

test("a log that cannot be continued is exported all the same, up to what was signed; one that nothing vouches for is not", async () => {
  const workspace = await makeTrail(3);
  await server.dependencies.sealer.seal(workspace.id);
  const cut = "delete from parlant.parlant_audit_leaf where workspace_id = $1 and seq > 1";
  await bend("update parlant.parlant_audit_checkpoint set subtree_hashes = sha256('') where workspace_id = $1", [workspace.id]);
  await bend(cut, [workspace.id]);
  const response = await download(workspace);
  expect(response.status).toBe(200);
  const { problems } = await verifyFile(workspace, [await response.text()]);
  expect(problems.map(({ kind, firstSeq, lastSeq }) => `${kind} ${firstSeq}-${lastSeq}`)).toEqual(["lost 2-3"]);
  await bend("delete from parlant.parlant_audit_checkpoint where workspace_id = $1", [workspace.id]);
  expect((await download(workspace)).status).toBe(409);
});

test("an export by someone who lost the permission meanwhile breaks off, and nobody takes the part for the whole", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  await fillTrail(workspace, 3_000, 5_000);
  const key = await makeApiKey(server.database.owner, { userId: workspace.admin.id });
  const request = get(`${server.url}/api/v1${pathOf(workspace)}`, { headers: { "x-api-key": key.plain } });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  // Not read, it is not made: what the sockets hold is far less than the file.
  response.pause();
  await grantPermission(server.database.owner, { userId: workspace.admin.id, workspaceId: workspace.id, permission: "read" });
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  // Broken off is an error to whoever reads it; it is the files that are looked at here.
  response.on("error", () => {});
  const closed = new Promise((resolve) => response.on("close", resolve));
  response.resume();
  await closed;
  expect(response.complete).toBe(false);
  await grantPermission(server.database.owner, { userId: workspace.admin.id, workspaceId: workspace.id, permission: "admin" });
  const found = await verifyFile(workspace, chunks);
  expect(found).toMatchObject({ valid: false, treeSize: null });
  expect(found.events).toBeGreaterThan(0);
  expect(found.events).toBeLessThan(3_000);
  // The control: with the permission kept, the same request is served to its end.
  const whole = await verifyFile(workspace, [await (await download(workspace)).text()]);
  expect(whole).toMatchObject({ valid: true, omitted: 0, treeSize: whole.events });
  expect(whole.events).toBeGreaterThan(3_001);
});

test("what the first piece refuses is an answer like any other", async () => {
  const workspace = await makeTrail(1);
  const cases: [string, number, { headers: Record<string, string> }][] = [
    ["?format=xml", 400, workspace.admin],
    ["?from=yesterday", 400, workspace.admin],
    ["?cursor=x", 400, workspace.admin],
    ["", 403, workspace.writer],
    ["", 401, { headers: {} }],
  ];
  for (const [query, status, user] of cases) {
    const response = await download(workspace, query, { id: "", ...user });
    const body: unknown = await response.json();
    expect([query, response.status]).toEqual([query, status]);
    const headers = Object.fromEntries(response.headers);
    assertDocumented("GET", pathOf(workspace), { statusCode: status, headers, json: () => body });
  }
  const { rows } = await bend(
    "select count(*)::int from parlant.parlant_audit_event where workspace_id = $1 and action = 'audit.export' and outcome = 'success'",
    [workspace.id],
  );
  expect(rows).toEqual([{ count: 0 }]);
});

test("the head alone is told without the file being made", async () => {
  const workspace = await makeTrail(1);
  const url = `${server.url}/api/v1${pathOf(workspace, "?format=csv")}`;
  const head = await fetch(url, { method: "HEAD", headers: workspace.admin.headers });
  expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([200, "text/csv; charset=utf-8", ""]);
});

test("verify and proof answer over REST as documented", async () => {
  const workspace = await makeTrail(3);
  await server.dependencies.sealer.seal(workspace.id);
  const base = `/workspaces/${workspace.id}/audit-log`;
  const call = async (path: string) => {
    const response = await fetch(`${server.url}/api/v1${path}`, { headers: workspace.admin.headers });
    const body = (await response.json()) as Record<string, unknown>;
    assertDocumented("GET", path, {
      statusCode: response.status,
      headers: Object.fromEntries(response.headers),
      json: () => body,
    });
    return body;
  };
  const verified = await call(`${base}/verify`);
  expect(verified).toMatchObject({ valid: true, checkedEvents: 4 });
  const kept = encodeURIComponent(String(verified["checkpoint"]));
  expect(await call(`${base}/verify?checkpoint=${kept}`)).toMatchObject({ valid: true });
  expect(await call(`${base}/proof?fromTreeSize=2`)).toMatchObject({ consistency: { fromTreeSize: 2 }, inclusion: null });
  expect(await call(`${base}/proof?fromTreeSize=5`)).toMatchObject({ error: { code: "BAD_REQUEST" } });
});
