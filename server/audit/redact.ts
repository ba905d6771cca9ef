import type { JsonValue } from "../shared/json.ts";

/** Stands for what the trail keeps that it changed, and not what it says. */
export const REDACTED = "[redacted]";

/** Texts of users' own making, and what people and agents say to each other. */
const OWN_TEXTS = new Set(["systemPrompt", "metadata", "data", "content", "message", "text", "prompt", "body"]);
/** Names of what opens something. Ids of keys and counts of tokens are none. */
const SECRET_NAME =
  /(secret|token|password|passphrase|passwd|credential|credentials|authorization|cookie|api_?key|private_?key|key_?salt)$/i;
/** What opens something by its form, wherever it stands: Sim's keys, ours, bearer tokens, JWTs, URLs with a password. */
const SECRET_TEXT =
  /\b(?:sk-sim-|sim_|pat_|whsec_)[\w+/=-]{8,}|\bBearer\s+\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]*|\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:[^\s/@]+@\S*/gi;
const MAX_DEPTH = 8;
const MAX_TEXT_LENGTH = 2_000;

/**
 * A row as the trail keeps it: JSON without users' own texts and without anything that looks like a secret, at any depth.
 * What is long is cut.
 */
export function redact(row: object): { [name: string]: JsonValue } {
  return redactFields(row, 0);
}

function redactFields(fields: object, depth: number): { [name: string]: JsonValue } {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => {
        const isHidden = OWN_TEXTS.has(name) || SECRET_NAME.test(name);
        return [name, isHidden && value !== null ? REDACTED : redactValue(value, depth)];
      }),
  );
}

function redactValue(value: unknown, depth: number): JsonValue {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : REDACTED;
  if (typeof value === "string") return redactText(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? REDACTED : value.toISOString();
  if (typeof value !== "object" || value instanceof Uint8Array || depth === MAX_DEPTH) return REDACTED;
  if (Array.isArray(value)) return value.map((inner) => redactValue(inner, depth + 1));
  return redactFields(value, depth + 1);
}

function redactText(text: string): string {
  const hidden = text.replace(SECRET_TEXT, REDACTED);
  return hidden.length > MAX_TEXT_LENGTH ? `${hidden.slice(0, MAX_TEXT_LENGTH)}…` : hidden;
}
