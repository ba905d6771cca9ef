import superjson from "superjson";
import { expect } from "vitest";
import { NotFoundError } from "../../client-sdk/src/index.ts";
import type { FakeAnswer } from "./fake-server.ts";

/** As much of an event as the client reads. */
export const event = (offset: number) => ({ id: `e${offset}`, offset });

/** A stream that brings these events and is over. */
export const eventStream = (...offsets: number[]) => ({
  headers: { "content-type": "text/event-stream" },
  body: [
    "event: connected\ndata: {}\n\n",
    ...offsets.map((offset) => `data: ${JSON.stringify(superjson.serialize(event(offset)))}\nid: ${offset}\n\n`),
  ].join(""),
});

/** The offsets that came before the server refused to go on, which ends it. */
export async function readUntilRefused(stream: AsyncIterable<{ offset: number }>): Promise<number[]> {
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { offset } of stream) seen.push(offset);
  })();
  await expect(reading).rejects.toBeInstanceOf(NotFoundError);
  return seen;
}

/** What fetch resolves to for an answer of the fake server's. */
export function responseOf({ status = 200, headers = {}, body = "" }: FakeAnswer): Response {
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}
