import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createEndpointRules, type EndpointRules } from "../../server/outbox/endpoint-rules.ts";
import { createPostToEndpoint, type PostToEndpoint } from "../../server/outbox/post-to-endpoint.ts";

/** A server on the loopback, which here is the inside of the network that nobody must be made to call. */
let inside: Server[];
let port: number;
const calls: string[] = [];

beforeAll(async () => {
  const answer: RequestListener = (request, response) => {
    calls.push(`${request.socket.localAddress} ${request.method} ${request.url}`);
    if (request.url === "/silent") return;
    if (request.url === "/redirect") response.writeHead(302, { location: `http://127.0.0.1:${port}/inside` });
    else if (request.url === "/busy") response.writeHead(429, { "retry-after": "7" });
    else if (request.url === "/endless") {
      const more = () => {
        if (!response.destroyed) response.write("x".repeat(8_192), () => setImmediate(more));
      };
      more();
      return;
    }
    response.end("a secret of the inside");
  };
  const serve = async (address: string, at: number) => {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(at, address, resolve));
    return server;
  };
  const first = await serve("127.0.0.1", 0);
  port = (first.address() as AddressInfo).port;
  inside = [first, await serve("127.0.0.2", port)];
});
beforeEach(() => {
  calls.length = 0;
});
afterAll(() => {
  for (const server of inside) {
    server.closeAllConnections();
    server.close();
  }
});

const strict = createEndpointRules({ ports: [443], allowLoopback: false });
const local = createEndpointRules({ ports: [443], allowLoopback: true });
/** The controls: whatever the URL says is taken, and whatever it resolves to is called. */
const lenient: EndpointRules = { problemOf: () => null, allowsAddress: () => true };
/** Anything may stand in the URL, so that the address alone decides. */
const byAddress = (allowsAddress: EndpointRules["allowsAddress"]): EndpointRules => ({ problemOf: () => null, allowsAddress });
const resolveTo =
  (...addresses: string[]) =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

const send = (post: PostToEndpoint, url: string, timeoutMs = 5_000) =>
  post({ url, headers: { "x-test": "1" }, body: "{}", timeoutMs, signal: new AbortController().signal });

describe("an address that is not public is not called", () => {
  test.each(["127.0.0.1", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0"])(
    "as the literal %s",
    async (host) => {
      const url = `http://${host}:${port}/inside`;
      expect(await send(createPostToEndpoint(strict), url)).toHaveProperty("error");
      expect(await send(createPostToEndpoint(byAddress(strict.allowsAddress)), url)).toEqual({
        error: "The host's address is not public",
      });
      expect(calls).toEqual([]);
      // The control: without the rules it is reached.
      expect(await send(createPostToEndpoint(lenient), url)).toMatchObject({ status: 200 });
      expect(calls).toHaveLength(1);
    },
  );

  test.each([["127.0.0.1"], ["169.254.169.254"], ["::1"], ["64:ff9b::7f00:1"]])(
    "as what a name resolves to: %s",
    async (address) => {
      const post = createPostToEndpoint(byAddress(strict.allowsAddress), resolveTo(address));
      expect(await send(post, `http://innocent.example:${port}/inside`)).toEqual({ error: "The host's address is not public" });
      expect(calls).toEqual([]);
    },
  );

  test("as one of several that a name resolves to, public ones among them", async () => {
    const post = createPostToEndpoint(byAddress(strict.allowsAddress), resolveTo("8.8.8.8", "127.0.0.1"));
    expect(await send(post, `http://innocent.example:${port}/inside`)).toEqual({ error: "The host's address is not public" });
    expect(
      await send(createPostToEndpoint(lenient, resolveTo("127.0.0.1")), `http://innocent.example:${port}/inside`),
    ).toMatchObject({ status: 200 });
  });

  test("as localhost", async () => {
    expect(await send(createPostToEndpoint(byAddress(strict.allowsAddress)), `http://localhost:${port}/inside`)).toHaveProperty(
      "error",
    );
    expect(calls).toEqual([]);
    expect(await send(createPostToEndpoint(local), `http://localhost:${port}/inside`)).toMatchObject({ status: 200 });
  });

  test("as where a redirect leads", async () => {
    expect(await send(createPostToEndpoint(local), `http://127.0.0.1:${port}/redirect`)).toEqual({
      status: 302,
      retryAfterSeconds: null,
    });
    expect(calls).toEqual(["127.0.0.1 POST /redirect"]);
  });
});

describe("a name that resolves to something else a moment later", () => {
  /** 127.0.0.2 plays the public address here, and 127.0.0.1 the inside. */
  const rules = byAddress((address) => address === "127.0.0.2");
  function rebinding() {
    const answers = ["127.0.0.2", "127.0.0.1"];
    let asked = 0;
    return {
      asked: () => asked,
      resolve: async () => [{ address: answers[asked++] ?? "127.0.0.1", family: 4 }],
    };
  }

  test("is called at the address that was checked, and asked for once", async () => {
    const { resolve, asked } = rebinding();
    const post = createPostToEndpoint(rules, resolve);
    expect(await send(post, `http://rebinding.example:${port}/one`)).toMatchObject({ status: 200 });
    expect(asked()).toBe(1);
    expect(calls).toEqual(["127.0.0.2 POST /one"]);
    // The next try asks again, and is refused.
    expect(await send(post, `http://rebinding.example:${port}/two`)).toEqual({ error: "The host's address is not public" });
    expect(calls).toHaveLength(1);
  });

  test("control: checked by one question and called by another, the inside is reached", async () => {
    const { resolve } = rebinding();
    const [checked] = await resolve();
    expect(rules.allowsAddress(checked?.address ?? "")).toBe(true);
    await send(createPostToEndpoint(lenient, resolve), `http://rebinding.example:${port}/inside`);
    expect(calls).toEqual(["127.0.0.1 POST /inside"]);
  });
});

describe("a try ends", () => {
  const post = createPostToEndpoint(local);
  const to = (path: string) => `http://127.0.0.1:${port}${path}`;

  test("with the answer's status and the wait that it asks for", async () => {
    expect(await send(post, to("/busy"))).toEqual({ status: 429, retryAfterSeconds: 7 });
  });

  test("where nothing is answered in time", async () => {
    expect(await send(post, to("/silent"), 50)).toEqual({ error: "No answer within 0.05 s" });
  });

  test("where the answer's body does not end: a little of it is read", async () => {
    expect(await send(post, to("/endless"))).toEqual({ status: 200, retryAfterSeconds: null });
  });

  test("where nobody listens, or the name does not resolve, in words that say only that", async () => {
    expect(await send(post, "http://127.0.0.1:1/")).toEqual({ error: "The connection was refused" });
    const unknown = createPostToEndpoint(lenient, () => Promise.reject(Object.assign(new Error("x"), { code: "ENOTFOUND" })));
    expect(await send(unknown, "http://unknown.example/")).toEqual({ error: "The host's name does not resolve" });
  });

  test("with its caller's signal, which is no outcome", async () => {
    const controller = new AbortController();
    const sending = post({ url: to("/silent"), headers: {}, body: "{}", timeoutMs: 5_000, signal: controller.signal });
    controller.abort(new Error("The server stops"));
    await expect(sending).rejects.toThrow();
  });
});
