import type pg from "pg";
import { grantPermission, makeSession, makeUser, makeWorkspace, signSessionToken } from "./database.ts";
import { TEST_BETTER_AUTH_SECRET } from "./services.ts";

export interface TestUser {
  id: string;
  /** As a client sends it: a bearer session token, signed as Sim signs its cookies. */
  headers: Record<string, string>;
}

export interface TestWorkspace {
  id: string;
  admin: TestUser;
  writer: TestUser;
  reader: TestUser;
}

/** A workspace with an admin, a writer and a reader, each with a session. */
export async function makeStaffedWorkspace(owner: pg.Client): Promise<TestWorkspace> {
  const admin = await makeSignedInUser(owner);
  const workspace = await makeWorkspace(owner, { ownerId: admin.id });
  const writer = await makeSignedInUser(owner);
  const reader = await makeSignedInUser(owner);
  await grantPermission(owner, { userId: writer.id, workspaceId: workspace.id, permission: "write" });
  await grantPermission(owner, { userId: reader.id, workspaceId: workspace.id, permission: "read" });
  return { id: workspace.id, admin, writer, reader };
}

/** A user of Sim's with a live session. */
export async function makeSignedInUser(owner: pg.Client): Promise<TestUser> {
  const { id } = await makeUser(owner);
  const session = await makeSession(owner, id);
  return { id, headers: { authorization: `Bearer ${signSessionToken(session.token, TEST_BETTER_AUTH_SECRET)}` } };
}
