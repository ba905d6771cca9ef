import { SignJWT } from "jose";
import { TEST_INTERNAL_SECRET } from "../../support/services.ts";

/** A token of Sim's backend on its own behalf. */
export function internalToken(): Promise<string> {
  return new SignJWT({ type: "internal" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("sim-internal")
    .setAudience("sim-api")
    .setIssuedAt()
    .setExpirationTime("5m")
    .sign(new TextEncoder().encode(TEST_INTERNAL_SECRET));
}
