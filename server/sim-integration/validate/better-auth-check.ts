import { createHmac } from "node:crypto";
import { type Authenticator, actingUserId, type Principal } from "../../auth/principal.ts";
import { momentOf } from "../../auth/validity.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import type { Clock } from "../../shared/clock.ts";
import { failed, passed, skipped, type Verdict, warning } from "./verdict.ts";

export interface BetterAuthCheckOptions {
  sim: SimReader;
  clock: Clock;
  authenticator: Pick<Authenticator, "authenticate">;
  betterAuthSecret: string;
  /** The name of the cookie that is read, as Sim's URL has it. */
  cookieName: string;
}

const REMEDY = "Set BETTER_AUTH_SECRET and NEXT_PUBLIC_APP_URL to Sim's own values, and restart the server";

/**
 * Whether a cookie that is signed with our secret is recognised as its session by the very authenticator that serves
 * requests. Whether the secret is Sim's too, only a session shows that Sim has signed: the caller's own.
 */
export async function checkBetterAuth(options: BetterAuthCheckOptions, principal: Principal): Promise<Verdict> {
  const { sim, clock, authenticator, betterAuthSecret, cookieName } = options;
  const userId = actingUserId(principal);
  if (userId === null)
    return skipped("There is no session to try it with, because no user makes this call; ask with a session of Sim's");
  const [row] = await sim.query<{ id: string; token: string }>({
    name: "validate_session",
    text: `SELECT id, token FROM public.session WHERE user_id = $1 AND expires_at > ($3::timestamptz AT TIME ZONE 'UTC')
      ORDER BY id = $2 DESC, expires_at DESC LIMIT 1`,
    values: [userId, principal.kind === "session" ? principal.sessionId : "", momentOf(clock)],
  });
  if (!row) return skipped("There is no session to try it with, because the caller has none; ask with a session of Sim's");
  const signature = createHmac("sha256", betterAuthSecret).update(row.token).digest("base64");
  const headers = new Headers({ cookie: `${cookieName}=${encodeURIComponent(`${row.token}.${signature}`)}` });
  const found = await authenticator.authenticate(headers).catch(() => null);
  if (found?.principal.kind !== "session" || found.principal.sessionId !== row.id) {
    return failed("A session cookie signed with the server's own secret was not recognised", REMEDY);
  }
  if (principal.kind === "session")
    return passed("A cookie signed here was recognised, and Sim signed the one that makes this call");
  return warning(
    "A cookie signed here was recognised; that Sim signs with the same secret, only a call with a session of Sim's shows",
    "Ask again with a session of Sim's",
  );
}
