import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { SimFeatures } from "../db/sim-features.ts";
import type { SimReader } from "../db/sim-reader.ts";
import type { Clock } from "../shared/clock.ts";
import { ACCESS_TOKEN_PREFIX } from "./credential.ts";
import type { Authentication } from "./principal.ts";
import { andNotBanned, MOMENT, momentOf, statementName } from "./validity.ts";

/** What an access token says: it is nothing without the session, which every look at it asks for. */
export interface AccessTokenClaims {
  sessionId: string;
  /** The SHA-256, in hex, of the session's own token: a session under the same id is another one. */
  proof: string;
  endsAtMs: number;
}

/** Makes and reads access tokens. They are kept nowhere: what they say is authenticated by a key of the server's own. */
export interface AccessTokens {
  issue(claims: AccessTokenClaims): string;
  /** What a token says; null where it is none of ours or has ended. */
  read(token: string): AccessTokenClaims | null;
}

const VERSION = 1;
const KEY_BYTES = 32;
const MAC_BYTES = 32;
const PROOF_BYTES = 32;
const TIME_BYTES = 6;
const HEAD_BYTES = 1 + TIME_BYTES + PROOF_BYTES;

/**
 * The newest root secret signs, every one still configured verifies; keys are derived by HKDF-SHA256 (RFC 5869). A token is
 * the prefix and the base64url of: HMAC-SHA256 of the rest, version, end, proof, session id.
 */
export function createAccessTokens({ rootSecrets, clock }: { rootSecrets: readonly string[]; clock: Clock }): AccessTokens {
  const keys = rootSecrets.map((secret) => Buffer.from(hkdfSync("sha256", secret, "", "parlant access token", KEY_BYTES)));
  const [current] = keys;
  if (!current) throw new Error("Access tokens need at least one root secret");
  const mac = (key: Buffer, content: Buffer) => createHmac("sha256", key).update(content).digest();

  return {
    issue({ sessionId, proof, endsAtMs }) {
      const head = Buffer.alloc(1 + TIME_BYTES);
      head.writeUInt8(VERSION);
      head.writeUIntBE(endsAtMs, 1, TIME_BYTES);
      const content = Buffer.concat([head, Buffer.from(proof, "hex"), Buffer.from(sessionId)]);
      return ACCESS_TOKEN_PREFIX + Buffer.concat([mac(current, content), content]).toString("base64url");
    },
    read(token) {
      const encoded = token.slice(ACCESS_TOKEN_PREFIX.length);
      const bytes = Buffer.from(encoded, "base64url");
      // Node decodes what is no base64url too: a token has one spelling.
      if (!token.startsWith(ACCESS_TOKEN_PREFIX) || bytes.toString("base64url") !== encoded) return null;
      if (bytes.length <= MAC_BYTES + HEAD_BYTES) return null;
      const content = bytes.subarray(MAC_BYTES);
      if (!keys.some((key) => timingSafeEqual(mac(key, content), bytes.subarray(0, MAC_BYTES)))) return null;
      const endsAtMs = content.readUIntBE(1, TIME_BYTES);
      if (content.readUInt8() !== VERSION || endsAtMs <= clock.now()) return null;
      return {
        endsAtMs,
        proof: content.toString("hex", 1 + TIME_BYTES, HEAD_BYTES),
        sessionId: content.toString("utf8", HEAD_BYTES),
      };
    },
  };
}

interface VerifierOptions {
  sim: SimReader;
  features: SimFeatures;
  clock: Clock;
  accessTokens: AccessTokens;
}

/**
 * Verifies an access token as the session that it stands for: while the token lasts, the session is there as it was, has
 * not expired, and its user is not banned. The result is null otherwise.
 */
export function createAccessTokenVerifier(
  options: VerifierOptions,
): (token: string) => Promise<Omit<Authentication, "source"> | null> {
  const { sim, features, clock, accessTokens } = options;
  const lookup = {
    name: statementName("auth_access_token", features),
    text: `SELECT s.user_id AS "userId" FROM public.session s JOIN public."user" u ON u.id = s.user_id
      WHERE s.id = $1 AND encode(sha256(convert_to(s.token, 'UTF8')), 'hex') = $3 AND s.expires_at > ${MOMENT}
      ${andNotBanned(features)}`,
  };
  return async (token) => {
    const claims = accessTokens.read(token);
    if (!claims) return null;
    const { sessionId, proof, endsAtMs } = claims;
    const [row] = await sim.query<{ userId: string }>({ ...lookup, values: [sessionId, momentOf(clock), proof] });
    return row ? { principal: { kind: "session", userId: row.userId, sessionId }, proof, endsAtMs } : null;
  };
}
