import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeMember, makeOrganization } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { makeSignedInUser, type TestUser } from "../support/workspace.ts";

const LIMIT = 20;
let server: TestServer;
let organizationId: string;

beforeAll(async () => {
  server = await startTestServer({ DENIAL_LIMIT_PER_MINUTE: String(LIMIT) });
  ({ id: organizationId } = await makeOrganization(server.database.owner));
});
afterAll(() => server?.stop());

const ask = ({ headers }: Pick<TestUser, "headers">, id: string) =>
  fetch(`${server.url}/api/v1/organizations/${id}/analytics`, { headers });

/** An answer but for what differs from request to request. */
async function answerOf(response: Response) {
  const { requestId: _, ...body } = (await response.json()) as Record<string, unknown>;
  const headers = [...response.headers].filter(
    ([name]) => !["date", "x-request-id"].includes(name) && !name.startsWith("x-ratelimit"),
  );
  return { status: response.status, headers, body };
}

test("its owner and its admin are let in, and a member of it is told what is told of an organization that is none", async () => {
  const { owner } = server.database;
  const people = await Promise.all(
    (["owner", "admin", "member"] as const).map(async (role) => {
      const user = await makeSignedInUser(owner);
      await makeMember(owner, { organizationId, userId: user.id, role });
      return [role, user] as const;
    }),
  );
  for (const [role, user] of people) {
    const response = await ask(user, organizationId);
    expect([role, response.status]).toEqual([role, role === "member" ? 404 : 200]);
  }
  const member = people[2]?.[1] as TestUser;
  expect(await answerOf(await ask(member, organizationId))).toEqual(await answerOf(await ask(member, randomUUID())));
  expect((await ask({ headers: {} }, organizationId)).status).toBe(401);
});

test("who asks for one organization after the other is slowed down, and nobody else is", async () => {
  const { owner } = server.database;
  const [guessing, other] = [await makeSignedInUser(owner), await makeSignedInUser(owner)];
  const statuses: number[] = [];
  for (let count = 0; count < LIMIT + 5; count++) statuses.push((await ask(guessing, randomUUID())).status);
  expect(statuses.slice(0, LIMIT)).toEqual(Array(LIMIT).fill(404));
  expect(statuses.at(-1)).toBe(429);
  expect((await ask(other, randomUUID())).status).toBe(404);
});
