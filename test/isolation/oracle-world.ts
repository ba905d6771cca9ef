import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { grantPermission } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { makeSignedInUser, makeStaffedWorkspace, type TestUser, type TestWorkspace } from "../support/workspace.ts";
import { comparable, withoutTheTime } from "./replay/answers.ts";
import { type Answer, answerOf, REQUEST_ID } from "./replay/transports.ts";

export interface Sent {
  body?: object | string;
  headers?: Record<string, string>;
}

export interface MadeAgent {
  id: string;
  name: string;
}

/** A workspace with what its reader and its writer do not see, beside others. */
export interface OracleWorld {
  server: TestServer;
  /** Where three agents are seen by all, one is restricted to its creator, the admin, and one is deleted. */
  here: TestWorkspace;
  hidden: MadeAgent;
  deleted: MadeAgent;
  theirs: TestWorkspace;
  theirAgent: MadeAgent;
  /** Where the admin of `here` is admin too. */
  second: TestWorkspace;
  outsider: TestUser;
  /** Those of `here` to whom the restricted agent does not exist. */
  below: readonly TestUser[];
  ask(user: TestUser, method: string, path: string, sent?: Sent): Promise<Answer>;
  make(workspace: TestWorkspace, body: object): Promise<MadeAgent>;
}

export const agents = (workspaceId: string) => `/workspaces/${workspaceId}/agents`;
export const agent = (workspaceId: string, agentId: string) => `${agents(workspaceId)}/${agentId}`;

export async function makeOracleWorld(): Promise<OracleWorld> {
  const server = await startTestServer({ DENIAL_LIMIT_PER_MINUTE: "0" });
  const { owner } = server.database;
  const ask = (user: TestUser, method: string, path: string, sent: Sent = {}) => askRest(server.url, user, method, path, sent);
  const make = async (workspace: TestWorkspace, body: object): Promise<MadeAgent> => {
    const answer = await ask(workspace.admin, "POST", agents(workspace.id), { body });
    expect(answer.status).toBe(201);
    return JSON.parse(answer.body);
  };
  const [here, theirs, second] = [
    await makeStaffedWorkspace(owner),
    await makeStaffedWorkspace(owner),
    await makeStaffedWorkspace(owner),
  ];
  await grantPermission(owner, { userId: here.admin.id, workspaceId: second.id, permission: "admin" });
  for (const name of ["Alpha", "Beta", "Gamma"]) await make(here, { name });
  const hidden = await make(here, { name: "Hidden", description: "quartz", visibility: "restricted", tags: ["amber"] });
  const deleted = await make(here, { name: "Deleted" });
  await ask(here.admin, "DELETE", agent(here.id, deleted.id));
  const theirAgent = await make(theirs, { name: "Theirs", description: "basalt", tags: ["onyx"] });
  const outsider = await makeSignedInUser(owner);
  return { server, here, hidden, deleted, theirs, theirAgent, second, outsider, below: [here.reader, here.writer], ask, make };
}

async function askRest(url: string, user: TestUser, method: string, path: string, { body, headers }: Sent): Promise<Answer> {
  const askedAtMs = Date.now();
  const answer = await answerOf(
    fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        ...user.headers,
        "x-request-id": REQUEST_ID,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    }),
  );
  return withoutTheTime(answer, askedAtMs);
}

/**
 * Expects a call to be answered as the same call is that names nothing that there is, an echo of the name aside.
 * Without a `nothing`, that is other letters of the same number.
 */
export async function expectLikeNothing(
  named: string,
  send: (name: string) => Promise<Answer>,
  nothing = () => randomBytes(named.length).toString("hex").slice(0, named.length),
): Promise<Answer> {
  const [one, other] = [nothing(), nothing()];
  const answer = await send(named);
  const { seen, expected } = comparable({ answer, id: named }, [
    { answer: await send(one), id: one },
    { answer: await send(other), id: other },
  ]);
  expect([named, seen]).toEqual([named, expected]);
  return answer;
}
