import { errors, type JWTPayload, jwtVerify } from "jose";
import { z } from "zod";
import type { SimFeatures } from "../db/sim-features.ts";
import type { SimReader } from "../db/sim-reader.ts";
import type { Clock } from "../shared/clock.ts";
import type { Authentication } from "./principal.ts";
import { andNotBanned, momentOf, statementName } from "./validity.ts";

interface InternalJwtOptions {
  sim: SimReader;
  features: SimFeatures;
  clock: Clock;
  internalJwtSecret: string;
}

/** The claims of our own that Sim's backend makes; its delegation tokens have another type and are not accepted. */
const InternalClaims = z.object({
  type: z.literal("internal"),
  userId: z
    .string()
    .min(1)
    .max(128)
    .refine((id) => !id.includes("\0"))
    .optional(),
});

/** Verifies the tokens with which Sim's own services call; the result is null for a token that does not hold. */
export function createInternalJwtVerifier(
  options: InternalJwtOptions,
): (token: string) => Promise<Omit<Authentication, "source"> | null> {
  const { sim, features, clock } = options;
  const secret = new TextEncoder().encode(options.internalJwtSecret);
  const userLookup = {
    name: statementName("auth_user", features),
    text: `SELECT u.id FROM public."user" u WHERE u.id = $1 ${andNotBanned(features)}`,
  };

  async function isLiveUser(userId: string): Promise<boolean> {
    const values = features.userBanned ? [userId, momentOf(clock)] : [userId];
    return (await sim.query({ ...userLookup, values })).length === 1;
  }

  return async (token) => {
    const payload = await verifiedPayload(token, secret, clock);
    const claims = InternalClaims.safeParse(payload);
    if (!claims.success || payload?.exp === undefined) return null;
    const userId = claims.data.userId ?? null;
    if (userId !== null && !(await isLiveUser(userId))) return null;
    return { principal: { kind: "internal", userId }, proof: null, endsAtMs: payload.exp * 1_000 };
  };
}

async function verifiedPayload(token: string, secret: Uint8Array, clock: Clock): Promise<JWTPayload | null> {
  try {
    const { payload } = await jwtVerify(token, secret, {
      algorithms: ["HS256"],
      issuer: "sim-internal",
      audience: "sim-api",
      requiredClaims: ["exp"],
      currentDate: new Date(clock.now()),
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}
