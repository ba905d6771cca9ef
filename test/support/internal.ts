import { SignJWT } from "jose";
import { TEST_INTERNAL_SECRET } from "./services.ts";

/** The headers of Sim's backend, on its own behalf or for a user; `lasts` is a span as jose reads it. */
export async function internalHeaders(userId?: string, lasts = "5m"): Promise<Record<string, string>> {
  const token = await new SignJWT({ type: "internal", ...(userId && { userId }) })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("sim-internal")
    .setAudience("sim-api")
    .setExpirationTime(lasts)
    .sign(new TextEncoder().encode(TEST_INTERNAL_SECRET));
  return { authorization: `Bearer ${token}` };
}
