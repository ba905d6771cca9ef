import { expect, test } from "vitest";
import { z } from "zod";
import { OPERATIONS } from "../../server/permissions/levels.ts";
import { inputJsonSchema } from "../../server/rest/json-schema.ts";
import { allProcedures } from "../../server/rest/procedure-of.ts";
import { ROUTES } from "../../server/rest/routes.ts";
import { WEBHOOKS } from "../../server/rest/serve-webhooks.ts";

const procedures = Object.entries(allProcedures());

test("every procedure has a permission that exists, a sentence, an input and an output", () => {
  expect(procedures.length).toBeGreaterThan(6);
  const permissions = [...Object.keys(OPERATIONS), "public", "authenticated", "internal"];
  for (const [path, { meta, input, output }] of procedures) {
    expect([path, permissions.includes(meta.permission)]).toEqual([path, true]);
    expect(meta.summary).toMatch(/^[A-Z].*\.$/);
    expect(input).toBeInstanceOf(z.ZodType);
    expect(output).toBeInstanceOf(z.ZodType);
  }
});

test("every procedure of a workspace names it in its input, and says in its answer that it was confined to it", () => {
  const ofWorkspaces = procedures.filter(([path]) => path.startsWith("workspaces."));
  expect(ofWorkspaces.length).toBeGreaterThan(5);
  for (const [path, { input, output, meta }] of ofWorkspaces) {
    expect([path, inputJsonSchema(input).required]).toEqual([path, expect.arrayContaining(["workspaceId"])]);
    const answer = z.toJSONSchema(output, { unrepresentable: "any" });
    expect([path, Object.keys(answer.properties ?? {})]).toEqual([path, expect.arrayContaining(["isolation"])]);
    expect(meta.permission).not.toBe("public");
  }
});

test("every procedure refuses unknown keys", () => {
  for (const [path, { input }] of procedures) {
    const refused = input.safeParse({ anUnknownKey: 1 });
    expect([path, refused.error?.issues.map(({ code }) => code)]).toEqual([path, expect.arrayContaining(["unrecognized_keys"])]);
  }
});

test("every output keeps what it does not list to itself", () => {
  for (const [path, { output }] of procedures) {
    if (!(output instanceof z.ZodObject)) throw new Error(`${path} answers with something that is no object`);
    const loose = output.partial().parse({ aSecret: 1 });
    expect([path, loose]).toEqual([path, {}]);
  }
});

/** Queries whose input does not fit into a URL, or says more than should stand in one. */
const ASKED_BY_POST = ["check", "explain", "simulate"].map((name) => `workspaces.access.${name}`);

test("a query is read with GET and a mutation with another method, each by a route of its own", () => {
  const kinds = Object.fromEntries(procedures.map(([path, { type }]) => [path, type]));
  for (const { method, procedure } of ROUTES)
    expect([procedure, method === "GET"]).toEqual([
      procedure,
      kinds[procedure] === "query" && !ASKED_BY_POST.includes(procedure),
    ]);
  const keys = ROUTES.map(({ method, path }) => `${method} ${path}`);
  expect(new Set(keys).size).toBe(keys.length);
});

test("every procedure can be reached over REST, but for streams, whose events are polled for there", () => {
  const reached = new Set<string>([...ROUTES, ...Object.values(WEBHOOKS)].map(({ procedure }) => procedure));
  const unreached = procedures.filter(([path]) => !reached.has(path)).map(([path, { type }]) => [path, type]);
  expect(unreached).toEqual([["workspaces.events.stream", "subscription"]]);
});
