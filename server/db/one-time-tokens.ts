import type { SimFeatures } from "./sim-features.ts";
import type { Statement } from "./sim-reader.ts";
import { andUnbanned, NOW_UTC } from "./sim-time.ts";

/** The session that a one-time token stood for. */
export interface TokenSession {
  sessionId: string;
  userId: string;
  /** The SHA-256, in hex, of the session's own token. */
  proof: string;
}

/** Sim's one-time tokens, as they are used here. */
export interface OneTimeTokens {
  /**
   * Uses a token up; the result is null where it was used here before, is unknown or has expired, or where its session or
   * user does not hold. Of those who use it at once, one gets the session. Where the statement fails nothing is used up;
   * where only its answer is lost the token is, and the caller takes another one.
   */
  use(tokenHash: Uint8Array, token: string, features: SimFeatures): Promise<TokenSession | null>;
  /** Forgets up to so many tokens that expired in Sim more than an hour ago; answers with how many those were. */
  forget(limit: number): Promise<number>;
}

/** The table of used tokens. */
export const USED_TOKEN_TABLE = "parlant_used_token";

/** How better-auth's one-time-token plugin names a token's row, as Sim sets it up: the token itself, not hashed. */
const IDENTIFIER = "one-time-token:";

/** One statement, so that a token is either used up and answered or neither; the loser of a race waits at the key. */
function useText(features: SimFeatures): string {
  return `with offered as (
  select s.id as "sessionId", s.user_id as "userId", encode(sha256(convert_to(s.token, 'UTF8')), 'hex') as proof, v.expires_at
  from public.verification v join public.session s on s.token = v.value join public."user" u on u.id = s.user_id
  where v.identifier = $1 and v.expires_at > ${NOW_UTC} and s.expires_at > ${NOW_UTC} ${andUnbanned(features, NOW_UTC)}
  order by v.expires_at desc limit 1
), used as (
  insert into parlant.${USED_TOKEN_TABLE} (token_hash, used_at, expires_at)
  select $2::bytea, statement_timestamp(), expires_at at time zone 'UTC' from offered on conflict do nothing returning true
)
select "sessionId", "userId", proof from offered where exists (select from used)`;
}

const FORGET = `with gone as (
  delete from parlant.${USED_TOKEN_TABLE} where token_hash in (
    select token_hash from parlant.${USED_TOKEN_TABLE} where expires_at < statement_timestamp() - interval '1 hour' limit $1)
  returning true
)
select count(*)::int as count from gone`;

export function createOneTimeTokens(query: <Row extends object>(statement: Statement) => Promise<Row[]>): OneTimeTokens {
  return {
    async use(tokenHash, token, features) {
      const [session] = await query<TokenSession>({
        name: features.userBanned ? "use_token" : "use_token_without_bans",
        text: useText(features),
        values: [IDENTIFIER + token, tokenHash],
      });
      return session ?? null;
    },
    async forget(limit) {
      const [gone] = await query<{ count: number }>({ name: "forget_tokens", text: FORGET, values: [limit] });
      return gone?.count ?? 0;
    },
  };
}
