import { hash } from "node:crypto";
import type { SimFeatures } from "../db/sim-features.ts";
import type { SimReader } from "../db/sim-reader.ts";
import type { Clock } from "../shared/clock.ts";
import { AppError } from "../shared/errors.ts";
import { type AccessTokens, createAccessTokenVerifier } from "./access-token.ts";
import { createApiKeyVerifier } from "./api-key.ts";
import { createSessionVerifier } from "./better-auth-session.ts";
import { type Credential, presentedCredential, sessionCookieNames } from "./credential.ts";
import { createInternalJwtVerifier } from "./internal-jwt.ts";
import type { Authentication, Authenticator, Principal } from "./principal.ts";

export interface AuthenticatorOptions {
  sim: SimReader;
  features: SimFeatures;
  clock: Clock;
  /** Sim's own, at least 32 characters: session cookies are signed with it. */
  betterAuthSecret: string;
  /** What Sim signs its internal tokens with, at least 32 characters. */
  internalJwtSecret: string;
  accessTokens: AccessTokens;
  /** Sim's URL; behind https only the cookie with the prefix __Secure- is read. */
  appUrl: string;
}

/**
 * The authenticator on Sim's tables and secrets. It only reads, in one statement at most per call, and keeps nothing.
 * @throws Error where a secret is too short: better-auth would fall back to one that everybody knows.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  assertLongEnough("betterAuthSecret", options.betterAuthSecret);
  assertLongEnough("internalJwtSecret", options.internalJwtSecret);
  const cookieNames = sessionCookieNames(options.appUrl);
  const verifiers = {
    internal_jwt: createInternalJwtVerifier(options),
    api_key: proven(createApiKeyVerifier(options), (key) => hash("sha256", key, "hex")),
    session: proven(createSessionVerifier(options), proofOfSession),
    access_token: createAccessTokenVerifier(options),
  } satisfies Record<Credential["kind"], Verify>;
  return {
    identify(headers) {
      const credential = presentedCredential(headers, cookieNames);
      return credential && hash("sha256", JSON.stringify([credential.kind, credential.source, credential.value]), "base64");
    },
    async authenticate(headers) {
      const credential = presentedCredential(headers, cookieNames);
      if (!credential) return null;
      const verified = await verifiers[credential.kind](credential.value);
      if (!verified) throw new AppError("UNAUTHORIZED", "The credential is not valid or has expired");
      return { ...verified, source: credential.source };
    },
  };
}

type Verify = (value: string) => Promise<Omit<Authentication, "source"> | null>;

/** The verifier of a credential from which its proof follows. */
function proven(verify: (value: string) => Promise<Principal | null>, proofOf: (value: string) => string): Verify {
  return async (value) => {
    const principal = await verify(value);
    return principal && { principal, proof: proofOf(value) };
  };
}

/** A verified session credential is a token and its signature, URL-encoded or not. */
function proofOfSession(value: string): string {
  const signed = decodeURIComponent(value);
  return hash("sha256", signed.slice(0, signed.lastIndexOf(".")), "hex");
}

const MIN_SECRET_LENGTH = 32;

function assertLongEnough(name: string, secret: string): void {
  if (secret.length < MIN_SECRET_LENGTH) throw new Error(`${name} must have at least ${MIN_SECRET_LENGTH} characters`);
}
