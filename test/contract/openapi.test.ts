import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createOpenApiDocument, operationIdOf } from "../../server/rest/openapi.ts";
import { procedureOf } from "../../server/rest/procedure-of.ts";
import { pathParams } from "../../server/rest/read-input.ts";
import { ROUTES } from "../../server/rest/routes.ts";
import { EXCHANGE_PATH } from "../../server/rest/serve-exchange.ts";
import { WEBHOOKS } from "../../server/rest/serve-webhooks.ts";
import { HTTP_STATUS } from "../../server/shared/errors.ts";
import { CreateAgentInput } from "../../server/workspaces/agents/schemas.ts";
import { assertDocumented, type Document, document, type Operation } from "../rest/documented.ts";
import { startTestServer } from "../support/server.ts";

const run = promisify(execFile);
const MISSING = "01890000-0000-7000-8000-000000000000";
const root = new URL("../..", import.meta.url);

const operations = Object.entries(document.paths).flatMap(([path, { servers: _, ...byMethod }]) =>
  Object.entries(byMethod).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);

const AUTHZEN = [
  { method: "POST", path: "/evaluation" },
  { method: "POST", path: "/evaluations" },
];

const EXCHANGE = { method: "POST", path: EXCHANGE_PATH };

const WEBHOOK_OPERATIONS = Object.entries(WEBHOOKS).map(([path, { procedure }]) => ({ method: "POST", path, procedure }));

function schemaNamed(name: string): { properties: Record<string, { default?: unknown }> } {
  const schema = document.components["schemas"]?.[name];
  if (!schema) throw new Error(`${name} is not in the document`);
  return schema as ReturnType<typeof schemaNamed>;
}

function operationOf(method: string, path: string): Operation {
  const operation = document.paths[path]?.[method.toLowerCase()];
  if (!operation) throw new Error(`${method} ${path} is not in the document`);
  return operation;
}

test("the document has the routes of the table, the exchange, the webhooks, the AuthZEN endpoints and no others, each with a name of its own", () => {
  const names = (list: readonly { method: string; path: string }[]) => list.map(({ method, path }) => `${method} ${path}`).sort();
  expect(names(operations)).toEqual(names([...ROUTES, EXCHANGE, ...WEBHOOK_OPERATIONS, ...AUTHZEN]));
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.sort()).toEqual(
    [
      ...ROUTES.map(operationIdOf),
      ...WEBHOOK_OPERATIONS.map(({ procedure }) => procedure),
      "auth.exchange",
      "authzen.evaluation",
      "authzen.evaluations",
    ].sort(),
  );
});

test("each operation is where the server of its path says that it is, with and without a base path", async () => {
  for (const basePath of ["", "/parlant"]) {
    const { servers, paths } = createOpenApiDocument(basePath) as Document;
    expect(servers).toEqual([{ url: `${basePath}/api/v1` }]);
    for (const { path } of AUTHZEN) expect(paths[path]?.["servers"]).toEqual([{ url: `${basePath}/access/v1` }]);
  }
});

test("the AuthZEN endpoints answer as the document says", async () => {
  const server = await startTestServer({ BASE_PATH: "/parlant" });
  try {
    const { id, reader } = server.workspace;
    const question = {
      subject: { type: "user", id: reader.id },
      action: { name: "agent:list" },
      resource: { type: "workspace", id },
    };
    const ask = async (name: string, payload: object, headers: Record<string, string> = reader.headers) => {
      const answer = await server.app.inject({ method: "POST", url: `/parlant/access/v1/${name}`, headers, payload });
      assertDocumented("POST", `/${name}`, answer);
      return [answer.statusCode, answer.json()];
    };
    expect(await ask("evaluation", question)).toEqual([200, { decision: true }]);
    const denied = { ...question, action: { name: "agent:create" } };
    expect(await ask("evaluation", denied)).toMatchObject([200, { decision: false, context: { actual: "read" } }]);
    expect(await ask("evaluations", question)).toEqual([200, { decision: true }]);
    const several = { ...question, evaluations: [{}, { action: { name: "agent:create" } }, { subject: {} }] };
    expect(await ask("evaluations", several)).toMatchObject([
      200,
      { evaluations: [{ decision: true }, { decision: false }, {}] },
    ]);
    expect(await ask("evaluation", {})).toMatchObject([400, {}]);
    expect(await ask("evaluation", question, {})).toMatchObject([401, {}]);
    expect(await ask("evaluation", { ...question, subject: { type: "user", id: "other" } })).toMatchObject([403, {}]);
    // Control: what the document does not say is noticed.
    const strange = { statusCode: 200, headers: { "x-request-id": "r" }, json: () => ({ decision: "yes" }) };
    expect(() => assertDocumented("POST", "/evaluation", strange)).toThrow("must be boolean");
  } finally {
    await server.stop();
  }
});

test("each operation says what it does, what it needs, and how it fails", () => {
  for (const route of ROUTES) {
    const { meta } = procedureOf(route.procedure);
    const operation = operationOf(route.method, route.path);
    expect(operation).toMatchObject({ summary: meta.summary, "x-permission": meta.permission });
    expect(operation["security"]).toEqual(meta.permission === "public" ? [] : undefined);
    const statuses = Object.keys(operation.responses);
    expect(statuses).toEqual(expect.arrayContaining([String(route.success), "400", "429", "500", "503"]));
    if (meta.permission !== "public") expect(statuses).toEqual(expect.arrayContaining(["401", "403", "404"]));
    if (route.method !== "GET") expect(statuses).toEqual(expect.arrayContaining(["413", "415"]));
    if (procedureOf(route.procedure).type === "mutation") expect(statuses).toContain("409");
    for (const status of statuses) expect([...Object.values<number>(HTTP_STATUS), 200, 201, 202, 204]).toContain(Number(status));
  }
});

test("every parameter of a path is described as a parameter, and never again in a query or a body", () => {
  for (const { method, path, operation } of operations) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(operation.parameters.filter((one) => one.in === "path").map((one) => one.name)).toEqual(named);
    const others = operation.parameters.filter((one) => one.in === "query").map((one) => one.name);
    expect(others.filter((name) => pathParams(path).includes(name ?? ""))).toEqual([]);
    const body = JSON.stringify(operation["requestBody"] ?? null);
    const schema = document.components["schemas"]?.[/schemas\/(\w+)/.exec(body)?.[1] ?? ""] as
      | { properties?: object }
      | undefined;
    expect([method, path, Object.keys(schema?.properties ?? {}).filter((name) => pathParams(path).includes(name))]).toEqual([
      method,
      path,
      [],
    ]);
  }
});

test("an answer may gain a field, a body may not hold an unknown one", () => {
  const schemas = document.components["schemas"] as Record<string, object>;
  for (const name of ["Agent", "AgentPage", "DeletedAgent", "Error"]) {
    expect(JSON.stringify(schemas[name])).not.toContain('"additionalProperties":false');
  }
  for (const name of ["CreateAgent", "UpdateAgent"]) expect(schemas[name]).toMatchObject({ additionalProperties: false });
  expect(schemas["Agent"]).toMatchObject({ properties: { createdAt: { type: "string", format: "date-time" } } });
  expect(schemas["AgentPage"]).toMatchObject({ properties: { data: { items: { $ref: "#/components/schemas/Agent" } } } });
});

test("a body's defaults are told, and they are those that a create without the fields gets", () => {
  const { properties } = schemaNamed("CreateAgent");
  const told = Object.entries(properties).flatMap(([name, field]) => ("default" in field ? [[name, field.default]] : []));
  const { workspaceId: _, name: __, ...defaults } = CreateAgentInput.parse({ workspaceId: "w", name: "A" });
  expect(Object.fromEntries(told)).toEqual(defaults);
});

test("every schema of the document is used in it", () => {
  const text = JSON.stringify(document);
  const unused = (schemas: object) => Object.keys(schemas).filter((name) => !text.includes(`"#/components/schemas/${name}"`));
  expect(unused(document.components["schemas"] ?? {})).toEqual([]);
  // Control: one that nothing refers to is found.
  expect(unused({ Nobodys: {} })).toEqual(["Nobodys"]);
});

test("an error's codes are the known ones, and its answers have the headers that every answer has", () => {
  const { properties } = schemaNamed("Error");
  expect(properties["error"]).toMatchObject({
    properties: {
      code: { enum: Object.keys(HTTP_STATUS) },
      details: { properties: { issues: { items: { required: ["path", "message"] } } } },
    },
  });
  const names = ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
  for (const response of Object.values(document.components["responses"] ?? {}) as { headers: object }[]) {
    expect(Object.keys(response.headers)).toEqual(expect.arrayContaining(names));
  }
});

test("the cookie goes by both of its names, and opaque JSON names the keys that are refused", () => {
  const schemes = Object.values(document.components["securitySchemes"] ?? {}) as { in?: string; name?: string }[];
  expect(schemes.filter((scheme) => scheme.in === "cookie").map(({ name }) => name)).toEqual([
    "better-auth.session_token",
    "__Secure-better-auth.session_token",
  ]);
  for (const name of ["CreateAgent", "UpdateAgent"]) {
    const { properties } = schemaNamed(name);
    for (const key of ["__proto__", "constructor", "prototype"]) {
      expect(properties["metadata"]).toMatchObject({ description: expect.stringContaining(key) });
      const metadata = Object.fromEntries([[key, 1]]);
      const agent = { workspaceId: "w", name: "A", agentId: MISSING, metadata };
      expect(procedureOf(`workspaces.agents.${name.slice(0, 6).toLowerCase()}`).input.safeParse(agent).success).toBe(false);
    }
  }
});

test("the check of answers against the document refuses what is not in it", () => {
  const headers = { "x-request-id": "r", etag: '"1"' };
  const path = "/workspaces/w/agents";
  const check =
    (statusCode: number, body: unknown, given: object = headers) =>
    () =>
      assertDocumented("GET", path, { statusCode, headers: { ...given }, json: () => body });
  const page = { data: [], nextCursor: null, isolation: { workspaceId: "w", verified: true } };
  expect(check(200, page)).not.toThrow();
  expect(check(200, { ...page, data: [{}] })).toThrow("must have required property");
  expect(check(200, { ...page, nextCursor: 5 })).toThrow();
  expect(check(202, page)).toThrow("does not know");
  expect(check(200, page, {})).toThrow("x-request-id");
  expect(check(404, { message: "no" })).toThrow();
});

test("npm run openapi writes the document, under the base path that is set", async () => {
  const folder = await mkdtemp(join(tmpdir(), "openapi-"));
  try {
    const file = join(folder, "openapi.json");
    const env = { ...process.env, BASE_PATH: "/parlant" };
    await run(process.execPath, ["server/rest/openapi-cli.ts", file], { cwd: root, env });
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual(JSON.parse(JSON.stringify(document)));
    const { stdout } = await run(process.execPath, ["server/rest/openapi-cli.ts"], { cwd: root, env });
    expect(stdout).toBe(await readFile(file, "utf8"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("an independent linter finds no error in the document, and would find one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "openapi-"));
  const lint = async (content: object) => {
    const file = join(folder, "openapi.json");
    await writeFile(file, JSON.stringify(content));
    const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
    const linter = new URL("../../node_modules/@redocly/cli/bin/cli.js", import.meta.url).pathname;
    return run(process.execPath, [linter, "lint", file], { cwd: folder, env }).then(
      () => "fit",
      () => "unfit",
    );
  };
  try {
    expect(await lint(document)).toBe("fit");
    expect(await lint({ ...document, paths: { "/a/{b}": { get: { responses: {} } } } })).toBe("unfit");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
