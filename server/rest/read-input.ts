import type { IncomingHttpHeaders } from "node:http";
import { type Issue, invalidInput } from "../shared/errors.ts";
import { inputJsonSchema, type JsonSchema } from "./json-schema.ts";
import { readIfMatch } from "./preconditions.ts";
import { procedureOf } from "./procedure-of.ts";
import { coerceQueryValue, queryIssue } from "./query-value.ts";
import type { Route } from "./routes.ts";

/** How a route's input is put together, worked out once. */
export interface InputPlan {
  /** The names of the path's parameters, as the input has them. */
  params: readonly string[];
  source: "query" | "body";
  schema: JsonSchema;
  fields: Readonly<Record<string, JsonSchema>>;
  /** Whether If-Match means something here. */
  isVersioned: boolean;
}

/** What of a request its input is read from. */
export interface InputParts {
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, unknown>>;
  body: unknown;
  headers: IncomingHttpHeaders;
}

/** @throws Error where the path has a parameter that the procedure does not take */
export function planInput(route: Route): InputPlan {
  const schema = inputJsonSchema(procedureOf(route.procedure).input);
  // Where the pieces of a file follow each other by themselves, nobody says which one is next.
  const isTaken = (name: string) => !(route.file && name === "cursor");
  const fields = Object.fromEntries(Object.entries(schema.properties ?? {}).filter(([name]) => isTaken(name)));
  const params = pathParams(route.path);
  for (const name of params) {
    if (!Object.hasOwn(fields, name)) throw new Error(`${route.procedure} has no input "${name}", which ${route.path} names`);
  }
  return {
    params,
    schema,
    source: route.method === "GET" ? "query" : "body",
    fields,
    isVersioned: Object.hasOwn(fields, "version"),
  };
}

/** The parameters of a path by their names in the input: {workspace_id} is workspaceId. */
export function pathParams(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => camelCase(name ?? ""));
}

export function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * The procedure's input: the path's parameters and the query or the body, which must not name them again. Text of the
 * query is read as the types of the input; JSON is taken as it is. What it holds is for the procedure's schema to judge.
 *
 * @throws AppError BAD_REQUEST naming what is wrong
 */
export function readInput(plan: InputPlan, { params, query, body, headers }: InputParts): object {
  const issues: Issue[] = [];
  const given = plan.source === "query" ? readQuery(plan, query, issues) : readBody(body, query, issues);
  for (const name of plan.params) {
    if (Object.hasOwn(given, name)) issues.push({ path: [name], message: "is not to be given: the path names it" });
  }
  const version = readIfMatch(headers["if-match"], plan, given["version"], issues);
  if (issues.length > 0) throw invalidInput(issues);
  const input: Record<string, unknown> = { ...given, ...(version !== undefined && { version }) };
  for (const name of plan.params) input[name] = params[name];
  return input;
}

function readQuery(plan: InputPlan, query: InputParts["query"], issues: Issue[]): Record<string, unknown> {
  const given: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(query)) {
    const schema = Object.hasOwn(plan.fields, name) ? plan.fields[name] : undefined;
    const issue = queryIssue(schema, value);
    if (issue) issues.push({ path: [name], message: issue });
    else given[name] = schema ? coerceQueryValue(schema, value) : value;
  }
  return given;
}

function readBody(body: unknown, query: InputParts["query"], issues: Issue[]): Record<string, unknown> {
  for (const name of Object.keys(query)) issues.push({ path: [name], message: "this call takes nothing from the query" });
  if (body === undefined) return {};
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  issues.push({ path: [], message: "The body must be a JSON object" });
  return {};
}
