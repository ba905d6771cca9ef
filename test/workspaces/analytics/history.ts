import { randomUUID } from "node:crypto";
import type pg from "pg";

/** An event as the naive recomputation knows it. */
export interface PastEvent {
  offset: number;
  kind: "message" | "tool" | "status" | "custom";
  source: string;
  atMs: number;
  toolCalls: number;
  toolErrors: number;
}

export interface PastSession {
  id: string;
  agentId: string;
  userId: string | null;
  createdByKeyId: string | null;
  customerId: string;
  createdAtMs: number;
  status: "active" | "completed" | "abandoned";
  endedAtMs: number | null;
  events: PastEvent[];
}

const SOURCES = ["customer", "customer_ui", "human_agent", "human_agent_on_behalf_of_ai_agent", "ai_agent", "system"];
const MINUTE_MS = 60_000;

const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(Math.random() * values.length)] as Value;
const upTo = (most: number) => Math.floor(Math.random() * (most + 1));

/** A session that somebody has had with one of the agents, beginning somewhere in one of the times given. */
export function pastSession(
  agentIds: readonly string[],
  openers: readonly Opener[],
  times: readonly [number, number][],
): PastSession {
  const [fromMs, toMs] = pick(times);
  const createdAtMs = fromMs + upTo(toMs - fromMs);
  let atMs = createdAtMs;
  const events = Array.from({ length: upTo(14) }, (_, offset): PastEvent => {
    // Some at the same moment, some on either side of a quarter, some days later.
    atMs = Math.min(atMs + pick([0, 1, upTo(900), upTo(30 * MINUTE_MS), upTo(20 * 60 * MINUTE_MS)]), toMs);
    if (Math.random() < 0.1) atMs = Math.min(Math.ceil(atMs / (15 * MINUTE_MS)) * 15 * MINUTE_MS, toMs);
    const kind = pick(["message", "message", "message", "tool", "status", "custom"] as const);
    const toolCalls = kind === "tool" ? upTo(3) : 0;
    return { offset, kind, source: pick(SOURCES), atMs, toolCalls, toolErrors: upTo(toolCalls) };
  });
  const status = pick(["active", "completed", "abandoned"] as const);
  return {
    id: randomUUID(),
    agentId: pick(agentIds),
    ...pick(openers),
    customerId: pick(["guest", "ann", "ben", "cho", "dia"]),
    createdAtMs,
    status,
    endedAtMs: status === "active" ? null : Math.min(atMs + upTo(60 * MINUTE_MS), toMs),
    events,
  };
}

export type Opener = Pick<PastSession, "userId" | "createdByKeyId">;

/** Puts sessions with their events where the server would have put them. */
export async function write(superuser: pg.Client, workspaceId: string, sessions: readonly PastSession[]): Promise<void> {
  const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  for (const session of sessions) {
    const lastMs = session.events.at(-1)?.atMs ?? session.createdAtMs;
    await superuser.query(
      `insert into parlant.parlant_session (workspace_id, id, agent_id, user_id, created_by_key_id, customer_id, status, event_count,
         boundary, boundary_key_version, started_at, created_at, updated_at, last_activity_at, ended_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, 'x', 1, $9, $9, $10, $10, $11)`,
      [
        workspaceId,
        session.id,
        session.agentId,
        session.userId,
        session.createdByKeyId,
        session.customerId,
        session.status,
        session.events.length,
        at(session.createdAtMs),
        at(lastMs),
        at(session.endedAtMs),
      ],
    );
    for (const event of session.events) await writeEvent(superuser, workspaceId, session.id, event);
  }
}

async function writeEvent(superuser: pg.Client, workspaceId: string, sessionId: string, event: PastEvent): Promise<void> {
  const { offset, kind, source, atMs } = event;
  await superuser.query(
    `insert into parlant.parlant_event (workspace_id, session_id, "offset", id, source, kind, data, trace_id, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, 'trace', $8)`,
    [workspaceId, sessionId, offset, randomUUID(), source, kind, dataOf(event), new Date(atMs).toISOString()],
  );
}

function dataOf({ kind, toolCalls, toolErrors }: PastEvent): object {
  if (kind !== "tool") return { message: "words", tool_calls: "none of these count" };
  const failures = [
    { error: "out of reach" },
    { metadata: { error: "out of reach" } },
    { metadata: { error_details: "out of reach" } },
    { error_details: "out of reach" },
  ];
  const result = (index: number) => ({
    data: "fine",
    metadata: { error: null },
    error: null,
    ...(index < toolErrors && failures[index % failures.length]),
  });
  return {
    tool_calls: Array.from({ length: toolCalls }, (_, index) => ({ tool_id: "shop:find", arguments: {}, result: result(index) })),
  };
}

/** A session goes on: some events more, behind the ones that it has. */
export async function goOn(superuser: pg.Client, workspaceId: string, session: PastSession): Promise<void> {
  let atMs = session.events.at(-1)?.atMs ?? session.createdAtMs;
  for (let more = 1 + upTo(3); more > 0; more--) {
    atMs += upTo(20 * MINUTE_MS);
    const event: PastEvent = {
      ...{ offset: session.events.length, kind: "message", source: pick(SOURCES), atMs, toolCalls: 0, toolErrors: 0 },
    };
    session.events.push(event);
    await writeEvent(superuser, workspaceId, session.id, event);
  }
  await superuser.query(
    "update parlant.parlant_session set event_count = $3, last_activity_at = $4 where workspace_id = $1 and id = $2",
    [workspaceId, session.id, session.events.length, new Date(atMs).toISOString()],
  );
}
