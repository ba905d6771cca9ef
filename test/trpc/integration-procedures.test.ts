import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { Dependencies } from "../../server/dependencies.ts";
import { authenticatedProcedure, internalProcedure, namedWorkspacesProcedure } from "../../server/trpc/integration-procedures.ts";
import { t } from "../../server/trpc/trpc.ts";
import { readTrail } from "../support/audit-trail.ts";
import { createTestDatabase, makeApiKey, type TestDatabase } from "../support/database.ts";
import { internalHeaders } from "../support/internal.ts";
import { createTestDependencies, requestContext } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

let database: TestDatabase;
let dependencies: Dependencies;
let first: TestWorkspace;
let second: TestWorkspace;
let done: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl);
  first = await makeStaffedWorkspace(database.owner);
  second = await makeStaffedWorkspace(database.owner);
});

afterAll(async () => {
  await dependencies?.close();
  await database?.drop();
});

const Input = z.strictObject({ workspaceIds: z.array(z.string()) });
const Output = z.object({ kind: z.string() });
const act = (name: string) => (args: { ctx: { caller: { principal: { kind: string } } } }) => {
  done.push(name);
  return { kind: args.ctx.caller.principal.kind };
};
const router = t.router({
  internal: internalProcedure("For Sim.").input(z.strictObject({}).optional()).output(Output).mutation(act("internal")),
  authenticated: authenticatedProcedure("For all.")
    .input(z.strictObject({}).optional())
    .output(Output)
    .query(act("authenticated")),
  named: namedWorkspacesProcedure<z.output<typeof Input>>("integration:sync", "For admins.", ({ workspaceIds }) => workspaceIds)
    .input(Input)
    .output(Output)
    .mutation(act("named")),
});
const createCaller = t.createCallerFactory(router);
const as = (headers: Record<string, string>) => createCaller(requestContext(dependencies, headers));

/** What a call was refused with; nothing was done. */
async function refusalOf(call: Promise<unknown>): Promise<string> {
  done = [];
  const error = await call.then(
    () => new Error("The call was let in"),
    (reason: Error & { cause?: Error & { code?: string; details?: { code?: string } } }) => reason,
  );
  expect(done).toEqual([]);
  const { cause } = error as { cause?: { code?: string; details?: { code?: string } } };
  return [cause?.code, cause?.details?.code].filter(Boolean).join(" ") || error.message;
}

test("what is for Sim's backend is for nobody else", async () => {
  expect(await refusalOf(as(await internalHeaders(first.admin.id)).internal())).toBe("FORBIDDEN PRINCIPAL_KIND_NOT_PERMITTED");
  expect(await as(await internalHeaders()).internal()).toEqual({ kind: "internal" });
  const key = await makeApiKey(database.owner, { userId: first.admin.id, workspaceId: first.id });
  for (const headers of [first.admin.headers, { "x-api-key": key.plain }])
    expect(await refusalOf(as(headers).internal())).toBe("FORBIDDEN PRINCIPAL_KIND_NOT_PERMITTED");
  expect(await refusalOf(as({}).internal())).toBe("UNAUTHORIZED");
});

test("what is for whoever is signed in is for nobody without a credential", async () => {
  expect(await as(first.reader.headers).authenticated()).toEqual({ kind: "session" });
  expect(await as(await internalHeaders()).authenticated()).toEqual({ kind: "internal" });
  expect(await refusalOf(as({}).authenticated())).toBe("UNAUTHORIZED");
});

test("Sim's backend may name any workspaces or none, an admin those alone that it is an admin of", async () => {
  const sim = as(await internalHeaders());
  expect(await sim.named({ workspaceIds: [] })).toEqual({ kind: "internal" });
  expect(await sim.named({ workspaceIds: [first.id, "unknown"] })).toEqual({ kind: "internal" });
  const admin = as(first.admin.headers);
  expect(await admin.named({ workspaceIds: [first.id, first.id] })).toEqual({ kind: "session" });
  expect(await refusalOf(admin.named({ workspaceIds: [] }))).toBe("FORBIDDEN PRINCIPAL_KIND_NOT_PERMITTED");
  expect(await refusalOf(admin.named({ workspaceIds: [first.id, second.id] }))).toBe("NOT_FOUND");
  expect(await refusalOf(admin.named({ workspaceIds: [first.id, "unknown"] }))).toBe("NOT_FOUND");
  expect(await refusalOf(as(first.writer.headers).named({ workspaceIds: [first.id] }))).toBe(
    "FORBIDDEN INSUFFICIENT_WORKSPACE_ROLE",
  );
});

test("for a user Sim's backend may do what that user may", async () => {
  expect(await as(await internalHeaders(first.admin.id)).named({ workspaceIds: [first.id] })).toEqual({ kind: "internal" });
  expect(await refusalOf(as(await internalHeaders(first.admin.id)).named({ workspaceIds: [second.id] }))).toBe("NOT_FOUND");
});

test("a permission that was taken away is not remembered", async () => {
  const workspace = await makeStaffedWorkspace(database.owner);
  const admin = as(workspace.admin.headers);
  expect(await admin.named({ workspaceIds: [workspace.id] })).toEqual({ kind: "session" });
  await database.owner.query("delete from public.session where user_id = $1", [workspace.admin.id]);
  expect(await refusalOf(admin.named({ workspaceIds: [workspace.id] }))).toBe("UNAUTHORIZED");
});

test("a stranger's attempt stands in the log of each workspace that it named, and nobody without a credential learns of the input", async () => {
  const workspace = await makeStaffedWorkspace(database.owner);
  await refusalOf(as(first.admin.headers).named({ workspaceIds: [first.id, workspace.id] }));
  await expect
    .poll(async () =>
      (await readTrail(database, workspace.id)).map(({ action, outcome, actor_id }) => [action, outcome, actor_id]),
    )
    .toEqual([["integration.sync", "denied", first.admin.id]]);
  expect(await refusalOf(as({}).named({ workspaceIds: 1 } as never))).toBe("UNAUTHORIZED");
});
