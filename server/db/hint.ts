import { z } from "zod";
import { simId } from "../shared/text.ts";

const permissions = z.strictObject({ kind: z.literal("permissions"), workspaceId: simId.nullable(), userId: simId.nullable() });
const workspace = z.strictObject({ kind: z.literal("workspace"), workspaceId: simId });
const caches = z.strictObject({ kind: z.literal("caches"), workspaceId: simId.nullable(), userId: simId.nullable() });
const events = z.strictObject({ kind: z.literal("events"), workspaceId: simId, sessionId: z.uuid() });

/**
 * What one instance tells the others: whose permissions changed (null: everyone's, or in every workspace), which workspace
 * was archived, restored, deleted or purged, whose caches are to be cleared, which session has events. Ids and nothing
 * else: everybody who can connect to the database can read a hint, and send one.
 */
export const Hint = z.discriminatedUnion("kind", [permissions, workspace, caches, events]);
export type Hint = z.output<typeof Hint>;

/** What a listener is told: a hint, or that some may have been missed, so that anything may have changed. */
export type HeardHint = Hint | { kind: "missed" };

/** PostgreSQL takes 7,999 bytes; the longest hint there is comes to some 1,600. */
const MAX_PAYLOAD_BYTES = 7_900;
const MAX_HINTS = 500;

const message = z.strictObject({ from: z.string().max(64), hints: z.array(Hint).max(MAX_HINTS) });

/** The hints as payloads, each once, as few as the limit on a payload lets it be. */
export function encodeHints(from: string, hints: readonly Hint[]): string[] {
  const payloads: string[] = [];
  let open: string[] = [];
  let bytes = 0;
  const envelope = Buffer.byteLength(JSON.stringify({ from, hints: [] }));
  const close = () => {
    if (open.length > 0) payloads.push(`{"from":${JSON.stringify(from)},"hints":[${open.join(",")}]}`);
    open = [];
    bytes = envelope;
  };
  close();
  for (const text of new Set(hints.map((hint) => JSON.stringify(hint)))) {
    const length = Buffer.byteLength(text) + 1;
    if (bytes + length > MAX_PAYLOAD_BYTES || open.length === MAX_HINTS) close();
    open.push(text);
    bytes += length;
  }
  close();
  return payloads;
}

/** The hints of a payload and whose they are; null where it is not what encodeHints makes. */
export function decodeHints(payload: string): { from: string; hints: Hint[] } | null {
  try {
    return message.parse(JSON.parse(payload));
  } catch {
    return null; // anybody's text: the channel is open to all who can connect
  }
}
