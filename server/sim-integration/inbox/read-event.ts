import type { z } from "zod";
import { AppError, invalidInput } from "../../shared/errors.ts";
import { assertHarmlessJson } from "../../shared/harmless-json.ts";
import { PermissionUpdateBody, permissionEvent, type SimEvent, toSimEvent, WorkspaceEventBody } from "../sim-event.ts";

/** The two webhooks of Sim's, by the name under which a delivery is kept. */
export const READERS = {
  workspace_event: (value: unknown) => toSimEvent(parse(WorkspaceEventBody, value)),
  permission_update: (value: unknown) => permissionEvent(parse(PermissionUpdateBody, value)),
} as const satisfies Record<string, (value: unknown) => SimEvent>;
export type WebhookKind = keyof typeof READERS;

/**
 * What the body of a webhook tells.
 *
 * @throws AppError BAD_REQUEST where it is no JSON, no event that is known, or has not what the event needs
 */
export function readEvent(kind: WebhookKind, body: Uint8Array): SimEvent {
  const text = decode(body);
  assertHarmlessJson(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError("BAD_REQUEST", "The body is not valid JSON");
  }
  return READERS[kind](value);
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new AppError("BAD_REQUEST", "The body is not valid UTF-8");
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidInput(
    parsed.error.issues.map(({ path, message }) => ({
      path: path.map((part) => (typeof part === "symbol" ? String(part) : part)),
      message,
    })),
  );
}
