import { expect, test } from "vitest";
import { InvalidResponseError } from "../../client-sdk/src/index.ts";
import { readServerSentEvents, type ServerSentEvent } from "../../client-sdk/src/server-sent-events.ts";

const NEVER = new AbortController().signal;
const encoder = new TextEncoder();

async function read(pieces: Iterable<Uint8Array>): Promise<ServerSentEvent[]> {
  const iterator = pieces[Symbol.iterator]();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { value, done } = iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  const events: ServerSentEvent[] = [];
  for await (const event of readServerSentEvents(body, NEVER)) events.push(event);
  return events;
}

/** So much of it at a time. */
function* cut(text: string, size: number): Generator<Uint8Array> {
  const bytes = encoder.encode(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

test("what a stream says is the same in whatever pieces it comes, and with either end of a line", async () => {
  const text = "event: connected\ndata: {}\n\n: a comment\n\nid: 7\ndata: one\ndata:two – 漢\n\nevent: ping\n\n\ndata: no end";
  const expected = [
    { type: "connected", data: "{}", id: "" },
    { type: "message", data: "one\ntwo – 漢", id: "7" },
  ];
  for (const size of [1, 2, 3, 7, 1_000]) {
    expect(await read(cut(text, size))).toEqual(expected);
    expect(await read(cut(text.replaceAll("\n", "\r\n"), size))).toEqual(expected);
  }
});

// Read over from its beginning with each piece, it would be sixty billion characters.
test("an event of eight million characters is read in pieces of a few hundred", async () => {
  const [event, ...more] = await read(cut(`data: ${"x".repeat(8_000_000)}\n\n`, 500));
  expect([event?.data.length, more]).toEqual([8_000_000, []]);
});

test("an event that never ends is not kept for ever", async () => {
  const piece = encoder.encode("data: ".padEnd(1_000_000, "x"));
  let given = 0;
  const endless = function* (end: Uint8Array) {
    for (; ; given++) {
      yield piece;
      yield end;
    }
  };
  await expect(read(endless(new Uint8Array()))).rejects.toBeInstanceOf(InvalidResponseError);
  await expect(read(endless(encoder.encode("\n")))).rejects.toBeInstanceOf(InvalidResponseError);
  expect(given).toBeLessThan(40);
});

test("a signal that has aborted before the first look ends it", async () => {
  let cancelled = 0;
  const body = new ReadableStream<Uint8Array>({ cancel: () => void cancelled++ });
  for await (const event of readServerSentEvents(body, AbortSignal.abort())) expect(event).toBeUndefined();
  expect(cancelled).toBe(1);
});
