import { randomUUID } from "node:crypto";

const ACCEPTABLE_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** The id that the caller gave the request, where it is one that can go into logs and headers as it is; else a new one. */
export function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === "string" && ACCEPTABLE_ID.test(given) ? given : randomUUID();
}
