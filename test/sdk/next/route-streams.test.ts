import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { createParlantRoute } from "../../../client-sdk/src/next/index.ts";
import { PAGE, startUpstream, type Upstream } from "./upstream.ts";

let upstream: Upstream;

beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream?.stop());

describe("where the server is away", () => {
  test("a 502 in the server's own shape, which tells nothing of the cause", async () => {
    for (const baseUrl of ["http://127.0.0.1:1", "http://no-such-host.invalid"]) {
      const response = await upstream.ask("/api/parlant/api/v1/x", { headers: { "x-request-id": "r" } }, { baseUrl });
      expect([response.status, await response.json()]).toEqual([
        502,
        { error: { code: "SERVICE_UNAVAILABLE", message: "The server could not be reached" }, requestId: "r" },
      ]);
      expect(Object.fromEntries(response.headers)).toMatchObject({ "retry-after": "1", "cache-control": "private, no-store" });
    }
  });

  test("a server that does not begin to answer is waited for no longer than so", async () => {
    let gone: Promise<void> | undefined;
    upstream.answer = (request) => {
      gone = new Promise((resolve) => request.socket.on("close", () => resolve()));
    };
    expect((await upstream.ask("/api/parlant/api/v1/x", {}, { timeoutMs: 50 })).status).toBe(502);
    await gone;
  });
});

describe("a stream", () => {
  const first = async (response: Response) => {
    const reader = response.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    return { text: new TextDecoder().decode(value), reader };
  };

  test("arrives as it comes, marked so that nothing holds it back", async () => {
    let finish = () => {};
    upstream.answer = (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "private, no-store" });
      response.write("data: 1\n\n");
      finish = () => response.end("data: 2\n\n");
    };
    const response = await upstream.ask("/api/parlant/api/trpc/x");
    const { text, reader } = await first(response);
    expect(text).toBe("data: 1\n\n");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "cache-control": "private, no-store, no-transform",
      "x-accel-buffering": "no",
    });
    finish();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("data: 2\n\n");
    expect((await reader?.read())?.done).toBe(true);
  });

  test("lasts longer than the time to begin", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const signals: (AbortSignal | null | undefined)[] = [];
    const routes = [async () => new Response("begun"), () => new Promise<Response>(() => {})].map((respond) =>
      createParlantRoute({
        baseUrl: upstream.url,
        fetch(_url, { signal }) {
          signals.push(signal);
          return respond();
        },
      }),
    );
    await routes[0]?.GET(new Request(`${PAGE}/api/parlant/api/v1/x`));
    void routes[1]?.GET(new Request(`${PAGE}/api/parlant/api/v1/x`));
    vi.advanceTimersByTime(60_000);
    expect(signals.map((signal) => signal?.aborted)).toEqual([false, true]);
  });

  test("ends at the server when the page goes, by its signal or by no longer reading", async () => {
    for (const leave of ["signal", "cancel"] as const) {
      let closed: Promise<void> | undefined;
      upstream.answer = (_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
        closed = new Promise((resolve) => response.on("close", () => resolve()));
      };
      const page = new AbortController();
      const { reader } = await first(await upstream.ask("/api/parlant/api/trpc/x", { signal: page.signal }));
      if (leave === "signal") page.abort();
      else await reader?.cancel();
      await closed;
    }
  });
});
