import { expect, test } from "vitest";
import { AbortedError, TimeoutError } from "../../client-sdk/src/index.ts";
import { type FakeAnswer, failure, result } from "./fake-server.ts";
import { makeClient } from "./make-client.ts";
import { event, eventStream, readUntilRefused, responseOf } from "./session-stream.ts";

const REFUSED = failure(404, "NOT_FOUND");
const NO_STREAM: FakeAnswer = { body: "<html>a page of a gateway</html>" };
const page = (nextOffset: number, ...offsets: number[]) => result({ data: offsets.map(event), nextOffset });

interface Look {
  /** How long it takes, and what it comes to; undefined: no answer at all. */
  lasts?: number;
  answer: FakeAnswer | undefined;
}

/** A client on a clock of its own, whose looks at a session go as told, each by what is asked; it refuses behind the last. */
function openSession(looks: Partial<Record<"stream" | "list", (Look | FakeAnswer)[]>>) {
  const asked: string[] = [];
  let now = 1_000_000;
  const client = makeClient(
    {
      baseUrl: "http://session.example",
      fetch: async (url, { signal }) => {
        const name = new URL(url).pathname.endsWith(".stream") ? "stream" : "list";
        asked.push(name);
        const next = looks[name]?.shift() ?? REFUSED;
        const { lasts = 0, answer }: Look = "answer" in next ? next : { answer: next as FakeAnswer };
        now += lasts;
        if (answer) return responseOf(answer);
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    },
    { now: () => now },
  );
  return { asked, waits: client.waits, events: client.workspace("ws").events };
}

test.each([
  ["streamed", { stream: [eventStream(...Array(500).keys())] }],
  ["polled for", { stream: [NO_STREAM], list: [page(500, ...Array(500).keys())] }],
])("behind its signal nothing more of what was %s is given, though it has come", async (_, looks) => {
  const { events, asked } = openSession(looks);
  const ending = new AbortController();
  const seen: number[] = [];
  const reading = async () => {
    for await (const { offset } of events.stream("s", { signal: ending.signal })) {
      seen.push(offset);
      if (offset === 1) ending.abort(new Error("enough"));
    }
  };
  await expect(reading()).rejects.toMatchObject({ code: "ABORTED", cause: { message: "enough" } });
  const before = asked.length;
  expect(seen).toEqual([0, 1]);
  await expect(events.stream("s", { signal: ending.signal }).next()).rejects.toBeInstanceOf(AbortedError);
  expect(asked.length).toBe(before);
});

test("a signal ends the wait for the next look too", async () => {
  const ending = new AbortController();
  const client = makeClient(
    { baseUrl: "http://session.example", fetch: async () => responseOf(NO_STREAM) },
    {
      wait: (_, signal) => {
        ending.abort();
        return Promise.reject(signal?.reason);
      },
    },
  );
  const stream = client.workspace("ws").events.stream("s", { signal: ending.signal });
  await expect(stream.next()).rejects.toBeInstanceOf(AbortedError);
});

test("looks that are over at once and bring nothing are put off, longer each time; any other is followed by the next at once", async () => {
  const empty = page(0);
  const { events, asked, waits } = openSession({ stream: [NO_STREAM], list: [empty, empty, empty, page(1, 0), page(1)] });
  expect(await readUntilRefused(events.stream("s"))).toEqual([0]);
  expect(asked).toEqual(["stream", ...Array(6).fill("list")]);
  expect(waits).toEqual([250, 250, 500, 1_000, 250]);
  const patient = openSession({
    stream: [NO_STREAM],
    list: [
      { lasts: 25_000, answer: empty },
      { lasts: 25_000, answer: empty },
    ],
  });
  await readUntilRefused(patient.events.stream("s"));
  expect(patient.waits).toEqual([250]);
});

test("where nothing answers it is over, and not where an answer comes in between", async () => {
  const silence: Look = { answer: undefined };
  const { events, asked } = openSession({ stream: [silence], list: [silence, silence, page(1, 0), silence, silence, silence] });
  const seen: number[] = [];
  const reading = async () => {
    for await (const { offset } of events.stream("s", { timeoutMs: 250 })) seen.push(offset);
  };
  await expect(reading()).rejects.toBeInstanceOf(TimeoutError);
  expect([seen, asked]).toEqual([[0], ["stream", ...Array(6).fill("list")]]);
});

test("after five streams that break at once it polls, tries a stream a minute later, and polls for twice as long where that breaks", async () => {
  const broken = eventStream();
  const empty: Look = { lasts: 25_000, answer: page(0) };
  const streams = [...Array(6).fill(broken), eventStream(0), broken];
  const { events, asked } = openSession({ stream: streams, list: Array(8).fill(empty) });
  expect(await readUntilRefused(events.stream("s"))).toEqual([0]);
  const [five, three] = [Array(5).fill("stream"), Array(3).fill("list")];
  expect(asked).toEqual([...five, ...three, "stream", ...Array(5).fill("list"), ...Array(3).fill("stream")]);
});

test("polls that bring nothing at once do not keep from polling on once the minute is over", async () => {
  const none = page(0);
  const quick: Look = { lasts: 4_000, answer: none };
  const { events, asked } = openSession({ stream: Array(7).fill(eventStream()), list: [...Array(40).fill(quick), page(1, 0)] });
  expect(await readUntilRefused(events.stream("s"))).toEqual([0]);
  expect(asked.filter((name) => name === "stream").length).toBe(6);
});

test("streams that begin and then fall silent, since something on the way holds them back, are given up for polls", async () => {
  const urls: string[] = [];
  const held = 'event: connected\ndata: {"reconnectAfterInactivityMs":5}\n\n';
  let now = 1_000_000;
  const client = makeClient(
    {
      baseUrl: "http://session.example",
      fetch: async (url) => {
        const name = new URL(url).pathname.replace(/.*\./, "");
        urls.push(name);
        if (name === "list") return responseOf(urls.filter((one) => one === "list").length === 1 ? page(1, 0) : REFUSED);
        now += 30_000;
        const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(held)) });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      },
    },
    { now: () => now },
  );
  expect(await readUntilRefused(client.workspace("ws").events.stream("s"))).toEqual([0]);
  expect(urls).toEqual([...Array(5).fill("stream"), "list", "list"]);
});

test("streams that something on the way closes when they were silent for a minute are taken up again, not all at once", async () => {
  const closed: Look = { lasts: 60_000, answer: eventStream() };
  const { events, asked, waits } = openSession({ stream: Array(8).fill(closed) });
  await readUntilRefused(events.stream("s"));
  expect(asked).toEqual(Array(9).fill("stream"));
  expect(waits).toEqual(Array(8).fill(125));
});

test("a stream in which something cannot be read is given up for polls", async () => {
  const { body, headers } = eventStream(0);
  const { events, asked } = openSession({ stream: [{ headers, body: `${body}data: {"json":\n\n` }], list: [page(2, 1)] });
  expect(await readUntilRefused(events.stream("s"))).toEqual([0, 1]);
  expect(asked).toEqual(["stream", "list", "list"]);
});
