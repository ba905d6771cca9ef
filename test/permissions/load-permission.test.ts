import { describe, expect, test } from "vitest";
import type { Authentication } from "../../server/auth/principal.ts";
import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import { grantedPermission, loadPermission, type PermissionRow } from "../../server/permissions/load-permission.ts";
import { grantPermission, makeApiKey } from "../support/database.ts";
import { internalHeaders } from "../support/internal.ts";
import { openDependencies } from "../support/open-dependencies.ts";
import { makeSignedInUser, makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

const { database, dependencies } = await openDependencies();

/** Each way of calling as the workspace's writer, or as the workspace itself, and what takes its credential away. */
const CREDENTIALS: Record<string, { headers(workspace: TestWorkspace): Promise<Record<string, string>>; revoke: string }> = {
  session: { headers: async ({ writer }) => writer.headers, revoke: "delete from session where user_id = $1" },
  "personal API key": {
    headers: async ({ writer }) => keyHeaders({ userId: writer.id }),
    revoke: "delete from api_key where user_id = $1",
  },
  "workspace API key": {
    headers: async ({ writer, id }) => keyHeaders({ userId: writer.id, workspaceId: id }),
    revoke: "delete from api_key where user_id = $1",
  },
  "Sim's backend for a user": {
    headers: async ({ writer }) => internalHeaders(writer.id),
    revoke: 'update "user" set banned = true where id = $1',
  },
};

async function keyHeaders(options: Parameters<typeof makeApiKey>[1]): Promise<Record<string, string>> {
  return { "x-api-key": (await makeApiKey(database.owner, options)).plain };
}

/** The caller as it was found to be before anything is taken away from it. */
async function authenticated(headers: Record<string, string>): Promise<Authentication> {
  const caller = await dependencies.services.findCaller(new Headers(headers), false);
  if (!caller) throw new Error("Nobody stands behind the credential");
  return caller;
}

const load = (caller: Authentication, workspaceId: string) =>
  loadPermission(dependencies.database.sim, CURRENT_SIM, caller, workspaceId);
const archive = (id: string) => database.owner.query("update workspace set archived_at = now() where id = $1", [id]);
const notFound = (reasonCode: string) => ({
  ...{ code: "NOT_FOUND", message: "Workspace not found" },
  refusal: { reasonCode, isStranger: true },
});
const UNAUTHORIZED = { code: "UNAUTHORIZED", message: "The credential is not valid" };

describe.each(Object.entries(CREDENTIALS))("by %s", (_, { headers, revoke }) => {
  test("a credential that was taken away opens nothing, and is all that is told of", async () => {
    const workspace = await makeStaffedWorkspace(database.owner);
    const caller = await authenticated(await headers(workspace));
    expect(await load(caller, workspace.id)).toBe("write");
    await database.owner.query(revoke, [workspace.writer.id]);
    await expect(load(caller, workspace.id)).rejects.toMatchObject(UNAUTHORIZED);
    await archive(workspace.id);
    await expect(load(caller, workspace.id)).rejects.toMatchObject(UNAUTHORIZED);
    await expect(load(caller, "no such workspace")).rejects.toMatchObject(UNAUTHORIZED);
  });

  test("a workspace that is archived is as absent as one that never was", async () => {
    const workspace = await makeStaffedWorkspace(database.owner);
    const caller = await authenticated(await headers(workspace));
    expect(await load(caller, workspace.id)).toBe("write");
    await archive(workspace.id);
    await expect(load(caller, workspace.id)).rejects.toMatchObject(notFound("WORKSPACE_NOT_LIVE"));
    await expect(load(caller, "no such workspace")).rejects.toMatchObject(notFound("WORKSPACE_NOT_LIVE"));
  });
});

test("a user without a permission finds no workspace, whatever it says of keys", async () => {
  const { id } = await makeStaffedWorkspace(database.owner);
  const stranger = await makeSignedInUser(database.owner);
  await database.owner.query("update workspace set allow_personal_api_keys = false where id = $1", [id]);
  for (const headers of [stranger.headers, await keyHeaders({ userId: stranger.id })]) {
    await expect(load(await authenticated(headers), id)).rejects.toMatchObject(notFound("NO_WORKSPACE_PERMISSION"));
  }
});

test("a member whose personal key is not admitted is told so, and its session is let in", async () => {
  const { id, writer } = await makeStaffedWorkspace(database.owner);
  const byKey = await authenticated(await keyHeaders({ userId: writer.id }));
  expect(await load(byKey, id)).toBe("write");
  await database.owner.query("update workspace set allow_personal_api_keys = false where id = $1", [id]);
  await expect(load(byKey, id)).rejects.toMatchObject({
    ...{ code: "FORBIDDEN", message: "This workspace does not allow personal API keys" },
    details: { code: "PERSONAL_API_KEYS_DISABLED" },
  });
  expect(await load(await authenticated(writer.headers), id)).toBe("write");
});

test("a workspace's key finds no other workspace", async () => {
  const { id, writer } = await makeStaffedWorkspace(database.owner);
  const other = await makeStaffedWorkspace(database.owner);
  const caller = await authenticated(await keyHeaders({ userId: writer.id, workspaceId: id }));
  expect(await load(caller, id)).toBe("write");
  await expect(load(caller, other.id)).rejects.toMatchObject(notFound("KEY_OF_ANOTHER_WORKSPACE"));
});

test("the permission is Sim's, at this moment", async () => {
  const { id, admin, writer, reader } = await makeStaffedWorkspace(database.owner);
  const callers = await Promise.all([admin, writer, reader].map(({ headers }) => authenticated(headers)));
  const permissions = () => Promise.all(callers.map((caller) => load(caller, id)));
  expect(await permissions()).toEqual(["admin", "write", "read"]);
  await grantPermission(database.owner, { userId: writer.id, workspaceId: id, permission: "read" });
  expect(await permissions()).toEqual(["admin", "read", "read"]);
});

test("a row grants its permission where all of it holds, and no row grants nothing", () => {
  const both = [true, false];
  const rows = both.flatMap((credential_valid) =>
    both.flatMap((workspace_live) =>
      both.map((key_allowed): PermissionRow => ({ credential_valid, workspace_live, key_allowed, permission: "admin" })),
    ),
  );
  expect(rows.map(grantedPermission)).toEqual(["admin", null, null, null, null, null, null, null]);
  expect(grantedPermission(undefined)).toBeNull();
  expect(grantedPermission({ credential_valid: true, workspace_live: true, key_allowed: true, permission: null })).toBeNull();
});
