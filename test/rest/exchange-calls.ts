import { randomBytes, randomUUID } from "node:crypto";
import { makeSession, signSessionToken } from "../support/database.ts";
import type { TestServer } from "../support/server.ts";
import { TEST_BETTER_AUTH_SECRET } from "../support/services.ts";

export const PATH = "/api/v1/auth/exchange";
export const MINUTE_MS = 60_000;
export const DAY_MS = 24 * 60 * MINUTE_MS;

/** What a page does to sign in from another host, and Sim for it, on a server or on another one. */
export function exchangeCalls(serverOf: () => TestServer) {
  const sql = (text: string, ...values: unknown[]) => serverOf().database.owner.query<Record<string, unknown>>(text, values);

  /** A session of the workspace's writer. */
  async function signIn(on = serverOf()) {
    const { id: userId } = on.workspace.writer;
    const session = await makeSession(on.database.owner, userId);
    return { ...session, userId, signed: signSessionToken(session.token, TEST_BETTER_AUTH_SECRET) };
  }

  /** A one-time token as the row of better-auth's plugin has it. */
  async function offer(sessionToken: string, { on = serverOf(), endsInMs = DAY_MS } = {}): Promise<string> {
    const token = randomBytes(24).toString("base64url");
    await on.database.owner.query(
      "insert into verification (id, identifier, value, expires_at, created_at, updated_at) values ($1, $2, $3, $4, now(), now())",
      [randomUUID(), `one-time-token:${token}`, sessionToken, new Date(Date.now() + endsInMs).toISOString()],
    );
    return token;
  }

  const exchange = (token: unknown, headers: Record<string, string> = {}, on = serverOf()) =>
    on.app.inject({ method: "POST", url: PATH, headers, payload: { token } as object });

  async function exchanged(
    sessionToken: string,
    on = serverOf(),
  ): Promise<{ accessToken: string; headers: { authorization: string } }> {
    const answer = await exchange(await offer(sessionToken, { on }), {}, on);
    const { accessToken } = answer.json<{ accessToken: string }>();
    return { accessToken, headers: { authorization: `Bearer ${accessToken}` } };
  }

  const agents = (headers: Record<string, string>, on = serverOf()) =>
    on.app.inject({ url: `/api/v1/workspaces/${on.workspace.id}/agents`, headers });

  return { sql, signIn, offer, exchange, exchanged, agents };
}
