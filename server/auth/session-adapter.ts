import type { DBAdapter, Where } from "better-auth";
import type { SimFeatures } from "../db/sim-features.ts";
import type { SimReader } from "../db/sim-reader.ts";
import type { Clock } from "../shared/clock.ts";
import { andNotBanned, MOMENT, momentOf, statementName } from "./validity.ts";

export interface SessionAdapterOptions {
  sim: SimReader;
  features: SimFeatures;
  clock: Clock;
}

interface SessionRow {
  id: string;
  token: string;
  userId: string;
  expiresAt: Date;
}

/**
 * better-auth's view of the database: one look-up of a session by its token, in one statement, and nothing else.
 * An expired session and a banned user's are absent, as the database judges them; whatever would write throws.
 */
export function createSessionAdapter(options: SessionAdapterOptions): DBAdapter {
  const { sim, features, clock } = options;
  const lookup = {
    name: statementName("auth_session", features),
    text: `SELECT s.id, s.token, s.user_id AS "userId", s.expires_at AS "expiresAt"
      FROM public.session s JOIN public."user" u ON u.id = s.user_id
      WHERE s.token = $1 AND s.expires_at > ${MOMENT} ${andNotBanned(features)}`,
  };
  return {
    id: "sim-session-reader",
    async findOne<Result>({ model, where }: { model: string; where: Where[] }): Promise<Result | null> {
      const [row] = await sim.query<SessionRow>({ ...lookup, values: [soughtToken(model, where), momentOf(clock)] });
      if (!row) return null;
      // better-auth reads the system's clock: the time left, as our clock has it, counts from there.
      const expiresAt = new Date(Date.now() + (row.expiresAt.getTime() - clock.now()));
      const found: unknown = { ...row, expiresAt, user: { id: row.userId } };
      return found as Result;
    },
    findMany: refuse,
    count: refuse,
    create: refuse,
    update: refuse,
    updateMany: refuse,
    delete: refuse,
    deleteMany: refuse,
    consumeOne: refuse,
    incrementOne: refuse,
    transaction: refuse,
  };
}

function soughtToken(model: string, where: Where[]): string {
  const [condition] = where;
  const isByToken = model === "session" && where.length === 1 && condition?.field === "token";
  if (!isByToken || typeof condition.value !== "string") throw new Error(`Only a session is read, by its token; not ${model}`);
  return condition.value;
}

async function refuse(): Promise<never> {
  throw new Error("Sim's tables are only read, and by the look-up of a session alone");
}
