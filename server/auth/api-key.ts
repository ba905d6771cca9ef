import { createHash } from "node:crypto";
import type { SimFeatures } from "../db/sim-features.ts";
import type { SimReader } from "../db/sim-reader.ts";
import type { Clock } from "../shared/clock.ts";
import type { Principal } from "./principal.ts";
import { andNotBanned, MOMENT, momentOf, statementName } from "./validity.ts";

interface ApiKeyOptions {
  sim: SimReader;
  features: SimFeatures;
  clock: Clock;
}

interface ApiKeyRow {
  id: string;
  type: string;
  userId: string;
  workspaceId: string | null;
}

/** Sim's own bounds on the length of a key, both exclusive. */
const LENGTH_BOUNDS = { above: 10, below: 200 };
const PREFIXES = ["sk-sim-", "sim_"];

/**
 * Verifies an API key by its hash; the result is null for a key that is unknown, expired or a banned user's. Whether
 * the target workspace admits the key is not decided here. A Sim without hashes of its keys has none that we accept.
 */
export function createApiKeyVerifier(options: ApiKeyOptions): (key: string) => Promise<Principal | null> {
  const { sim, features, clock } = options;
  const lookup = {
    name: statementName("auth_api_key", features),
    text: `SELECT k.id, k.type, k.user_id AS "userId", k.workspace_id AS "workspaceId"
      FROM public.api_key k JOIN public."user" u ON u.id = k.user_id
      WHERE k.key_hash = $1 AND (k.expires_at IS NULL OR k.expires_at > ${MOMENT}) ${andNotBanned(features)}`,
  };
  return async (key) => {
    if (!features.apiKeyHash || !isKeyShaped(key)) return null;
    const [row] = await sim.query<ApiKeyRow>({ ...lookup, values: [sha256Hex(key), momentOf(clock)] });
    return row ? toPrincipal(row) : null;
  };
}

function isKeyShaped(key: string): boolean {
  return (
    key.length > LENGTH_BOUNDS.above && key.length < LENGTH_BOUNDS.below && PREFIXES.some((prefix) => key.startsWith(prefix))
  );
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function toPrincipal({ id, type, userId, workspaceId }: ApiKeyRow): Principal | null {
  if (type === "personal") return { kind: "personal_api_key", userId, keyId: id };
  if (type === "workspace" && workspaceId !== null) return { kind: "workspace_api_key", keyId: id, workspaceId };
  return null;
}
