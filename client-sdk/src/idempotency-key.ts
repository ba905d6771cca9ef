import type { CreateOptions } from "./call.ts";

/** A new random key. Not crypto.randomUUID, which a page that is served over plain http does not have. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A call that creates, under the key that it was given or one of its own, so that it can be repeated safely. */
export function keyed(options: CreateOptions): CreateOptions {
  return { ...options, idempotencyKey: options.idempotencyKey ?? newIdempotencyKey() };
}
