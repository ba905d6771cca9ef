import { readFileSync } from "node:fs";
import { AUTHZEN_SCHEMAS, toAuthzenPaths } from "./openapi-authzen.ts";
import { toComponents } from "./openapi-components.ts";
import { EXCHANGE_SCHEMAS, toExchangePaths } from "./openapi-exchange.ts";
import { COMMON_HEADERS, DOCUMENTED_HEADERS, ERROR_RESPONSES, errorStatuses, REQUEST_HEADERS } from "./openapi-parts.ts";
import { toWebhookPaths, WEBHOOK_SCHEMAS } from "./openapi-webhooks.ts";
import { type ProcedureInfo, procedureOf } from "./procedure-of.ts";
import { camelCase, type InputPlan, pathParams, planInput } from "./read-input.ts";
import { REST_PREFIX } from "./rest-prefix.ts";
import { ROUTES, type Route } from "./routes.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };

const SECURITY_SCHEMES = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "A signed session token of Sim's, an access token, or a token of Sim's backend",
  },
  apiKey: { type: "apiKey", in: "header", name: "x-api-key", description: "A personal or workspace API key of Sim's" },
  cookie: {
    type: "apiKey",
    in: "cookie",
    name: "better-auth.session_token",
    description: "Sim's session cookie, in a browser, where Sim is served over http",
  },
  secureCookie: {
    type: "apiKey",
    in: "cookie",
    name: "__Secure-better-auth.session_token",
    description: "Sim's session cookie, in a browser, where Sim is served over https; the only one that is read there",
  },
};

/** The OpenAPI 3.1 document of the REST API, from the route table and the procedures' own schemas, and of the AuthZEN API. */
export function createOpenApiDocument(basePath: string): object {
  const components = toComponents(ROUTES);
  const paths: Record<string, Record<string, object>> = {};
  for (const route of ROUTES) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: toOperation(route, components) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Parlant agents beside Sim",
      version,
      description: "Parlant agents of Sim workspaces. No caller sees anything of a workspace in which it has no permission.",
      license: { name: "Apache 2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: `${basePath}${REST_PREFIX}` }],
    security: Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] })),
    paths: { ...paths, ...toExchangePaths(), ...toWebhookPaths(), ...toAuthzenPaths(basePath) },
    components: {
      securitySchemes: SECURITY_SCHEMES,
      headers: DOCUMENTED_HEADERS,
      parameters: REQUEST_HEADERS,
      responses: ERROR_RESPONSES,
      schemas: { ...components.schemas, ...EXCHANGE_SCHEMAS, ...WEBHOOK_SCHEMAS, ...AUTHZEN_SCHEMAS },
    },
  };
}

/** The name of a route's operation: its procedure, and the method where two methods are the same procedure. */
export function operationIdOf(route: Route): string {
  const isShared = ROUTES.filter(({ procedure }) => procedure === route.procedure).length > 1;
  return isShared ? `${route.procedure}.${route.method.toLowerCase()}` : route.procedure;
}

function toOperation(route: Route, components: ReturnType<typeof toComponents>): object {
  const procedure = procedureOf(route.procedure);
  const plan = planInput(route);
  const isPublic = procedure.meta.permission === "public";
  const body = plan.source === "body" ? components.bodyOf(route) : null;
  return {
    operationId: operationIdOf(route),
    summary: procedure.meta.summary,
    tags: [tagOf(route)],
    "x-permission": procedure.meta.permission,
    ...(isPublic && { security: [] }),
    parameters: toParameters(route, plan, procedure),
    ...(body && { requestBody: { required: body.isRequired, content: { "application/json": { schema: body.schema } } } }),
    responses: toResponses(route, procedure, components),
  };
}

function toParameters(route: Route, plan: InputPlan, procedure: ProcedureInfo): object[] {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
  const isInQuery = (name: string) => plan.source === "query" && !pathParams(route.path).includes(name);
  const { required = [] } = plan.schema;
  return [
    ...inPath.map((name) => {
      const { description, ...schema } = plan.fields[camelCase(name)] ?? {};
      return { name, in: "path", required: true, ...(description && { description }), schema };
    }),
    ...Object.entries(plan.fields)
      .filter(([name]) => isInQuery(name))
      .map(([name, { description, ...schema }]) => ({
        name,
        in: "query",
        ...(required.includes(name) && { required: true }),
        ...(description && { description }),
        schema,
      })),
    { $ref: "#/components/parameters/RequestId" },
    ...(procedure.type === "mutation" && route.success === 201 ? [{ $ref: "#/components/parameters/IdempotencyKey" }] : []),
    ...(plan.isVersioned && plan.source === "body" ? [{ $ref: "#/components/parameters/IfMatch" }] : []),
  ];
}

function toResponses(route: Route, procedure: ProcedureInfo, components: ReturnType<typeof toComponents>): object {
  const output = route.file ? { schema: { type: "string" }, isVersioned: false } : components.outputOf(route);
  const headers = {
    ...headerRefs(COMMON_HEADERS),
    ...(output.isVersioned && headerRefs(["etag"])),
    ...(route.hasLocation && headerRefs(["location"])),
    ...(route.file && headerRefs(["content-disposition"])),
  };
  const mediaTypes = route.file ? Object.values(route.file.mediaTypes) : ["application/json"];
  const content = (schema: object) => Object.fromEntries(mediaTypes.map((type) => [type, { schema }]));
  const errors = errorStatuses(route, procedure).map(([status, name]) => [
    String(status),
    { $ref: `#/components/responses/${name}` },
  ]);
  const others = route.otherStatuses.map((status) => [
    String(status),
    {
      description: "The answer says what is wrong, or that none could be had",
      headers,
      content: content({ anyOf: [output.schema, { $ref: "#/components/schemas/Error" }] }),
    },
  ]);
  const success = { description: "Done", headers, ...(route.success !== 204 && { content: content(output.schema) }) };
  // An answer may have the status of an error, which then stands for both.
  return Object.fromEntries([...errors, ...others, [String(route.success), success]]);
}

function headerRefs(names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function tagOf({ procedure }: Route): string {
  return procedure.split(".").slice(0, -1).join(".");
}
