import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createParlantRoute, type ParlantRouteOptions } from "../../../client-sdk/src/next/index.ts";
import { ok, PAGE, startUpstream, type Upstream } from "./upstream.ts";

const COOKIE = "better-auth.session_token=tok.sig%3D";

let upstream: Upstream;

beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream?.stop());

describe("what is forwarded", () => {
  test("of a request: the session cookies, the headers that the server reads, and the body", async () => {
    upstream.answer = (request, response) => request.on("end", () => response.end("{}"));
    const headers = {
      accept: "application/json",
      "content-type": "application/json",
      "idempotency-key": "k1",
      "if-match": '"3"',
      "last-event-id": "7",
      origin: PAGE,
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "x-request-id": "req-1",
    };
    const withheld = {
      authorization: "Bearer mine",
      "x-api-key": "sk-sim-1",
      referer: `${PAGE}/secret`,
      "x-forwarded-for": "1.2.3.4",
      forwarded: "for=1.2.3.4",
      "x-real-ip": "1.2.3.4",
      "user-agent": "page",
      "sec-fetch-site": "same-origin",
      cookie: `sim_theme=dark; ${COOKIE}; __Secure-better-auth.session_token=two.sig; better-auth.session_data=x; a=b`,
    };
    const path = "/api/parlant/api/v1/workspaces/w/agents?limit=2&search=a%2Fb";
    expect(
      await upstream.ask(path, { method: "POST", headers: { ...headers, ...withheld }, body: '{"name":"é"}' }),
    ).toMatchObject({
      status: 200,
    });
    const [request] = upstream.seen;
    expect(request).toMatchObject({
      method: "POST",
      url: "/base/api/v1/workspaces/w/agents?limit=2&search=a%2Fb",
      body: '{"name":"é"}',
      headers: { ...headers, cookie: `${COOKIE}; __Secure-better-auth.session_token=two.sig`, "accept-encoding": "identity" },
    });
    const platforms = [
      "host",
      "connection",
      "user-agent",
      "accept-language",
      "sec-fetch-mode",
      "transfer-encoding",
      "cookie",
      "cache-control",
      "pragma",
    ];
    const names = Object.keys(request?.headers ?? {}).filter((name) => !platforms.includes(name));
    expect(names.sort()).toEqual([...Object.keys(headers), "accept-encoding"].sort());
    expect(request?.headers["user-agent"]).not.toBe("page");

    // The control: what is asked for goes along.
    await upstream.ask(path, { headers: withheld }, { alsoForward: ["Authorization", "x-api-key"] });
    expect(upstream.seen[0]?.headers).toMatchObject({ authorization: "Bearer mine", "x-api-key": "sk-sim-1" });
    expect(upstream.seen[0]?.headers).not.toHaveProperty("x-forwarded-for");
  });

  test("of an answer: status and the headers that a page reads; no cookie, no leave for other origins", async () => {
    const kept = {
      "content-type": "application/json",
      "cache-control": "private, no-store",
      etag: '"3"',
      "retry-after": "7",
      vary: "origin",
      "x-ratelimit-remaining": "9",
      "x-request-id": "r-9",
    };
    upstream.answer = (_request, response) => {
      response.writeHead(409, {
        ...kept,
        "set-cookie": ["better-auth.session_token=other; Path=/", "a=b"],
        "access-control-allow-origin": "https://evil.example",
        "access-control-allow-credentials": "true",
        server: "x",
        "clear-site-data": '"*"',
      });
      response.end('{"error":{}}');
    };
    const response = await upstream.ask("/api/parlant/api/v1/x");
    expect([response.status, await response.text()]).toEqual([409, '{"error":{}}']);
    expect(Object.fromEntries(response.headers)).toEqual({
      ...kept,
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    });
  });

  test("a 401 is one for a body that was streamed too", async () => {
    upstream.answer = (request, response) => request.on("end", () => response.writeHead(401).end("{}"));
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("{}"));
        controller.close();
      },
    });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body, duplex: "half" } as RequestInit;
    expect((await upstream.ask("/api/parlant/api/v1/x", init)).status).toBe(401);
    expect(upstream.seen[0]?.body).toBe("{}");
  });

  test("a Location as the page's origin has it, and none that leads elsewhere", async () => {
    const located = async (location: string) => {
      upstream.answer = (_request, response) => response.writeHead(201, { location }).end("{}");
      return (await upstream.ask("/api/parlant/api/v1/x", { method: "POST" })).headers.get("location");
    };
    expect(await located("/base/api/v1/workspaces/w/agents/1")).toBe("/api/parlant/api/v1/workspaces/w/agents/1");
    expect(await located("https://evil.example/base/api/v1/x")).toBeNull();
    expect(await located("/elsewhere")).toBeNull();
  });
});

describe("what is refused", () => {
  const OUTSIDE = [
    "/api/parlant",
    "/api/parlant/",
    "/api/parlant/api/v1",
    "/api/parlant/api/v1/",
    "/api/parlant/api/v2/x",
    "/api/parlant/metrics",
    "/api/parlant/docs",
    "/api/parlantx/api/v1/x",
    "/api/parlant/api/v1/../../metrics",
    "/api/parlant/api/v1/%2e%2e/%2e%2e/metrics",
    "/api/parlant/api/v1/%252e%252e/%252e%252e/metrics",
    "/api/parlant/api/v1/..%2f..%2fmetrics",
    "/api/parlant/api/v1/..%5c..%5cmetrics",
    "/api/parlant/api/v1/..\\..\\metrics",
    "/api/parlant/api/v1/x%252fy",
    "/api/parlant/api/v1//x",
    "/api/parlant//evil.example/api/v1/x",
    "/api/parlant/api/v1/x%00",
    "/api/parlant/api/v1/%0d%0aHost:%20x",
    "/api/parlant/api/v1/%zz",
    "/api/parlant/api%2fv1/x",
    "/api/parlant/@evil.example/api/v1/x",
    // What is harmless in the end, encoded more often than anybody needs.
    `/api/parlant/api/v1/%${"25".repeat(3)}61`,
    `/api/parlant/api/v1/%${"25".repeat(5_000)}61`,
  ];

  test("a path that is none of the two interfaces, however it is spelt; the server hears nothing of it", async () => {
    upstream.answer = ok;
    for (const path of OUTSIDE) {
      const response = await upstream.ask(path);
      expect([path, response.status, await response.json()]).toEqual([
        path,
        404,
        {
          error: { code: "NOT_FOUND", message: "Nothing is served at this path" },
          requestId: response.headers.get("x-request-id"),
        },
      ]);
      expect(upstream.seen).toEqual([]);
    }
    // The control: these are, and are asked for as they stand.
    for (const path of ["/api/trpc/a.b,c.d?batch=1", "/api/v1/x/y.z", "/api/v1/a%20b", "/api/v1/%252561", "/api/v1/.../x"]) {
      expect([path, (await upstream.ask(`/api/parlant${path}`)).status, upstream.seen[0]?.url]).toEqual([
        path,
        200,
        `/base${path}`,
      ]);
    }
    await upstream.ask("/a/b.c/api/v1/x", {}, { prefix: "/a/b.c/" });
    expect(upstream.seen[0]?.url).toBe("/base/api/v1/x");
  });

  test("what a browser asks for a page of another origin, though the cookie goes with it", async () => {
    upstream.answer = ok;
    for (const site of ["cross-site", "same-site"]) {
      const response = await upstream.ask("/api/parlant/api/v1/x", {
        method: "POST",
        headers: { "sec-fetch-site": site, "x-request-id": "mine", cookie: COOKIE },
      });
      expect([response.status, upstream.seen]).toEqual([403, []]);
      expect(await response.json()).toMatchObject({ error: { code: "FORBIDDEN" }, requestId: "mine" });
    }
    const preflight = await upstream.ask("/api/parlant/api/v1/x", {
      method: "OPTIONS",
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    expect([preflight.status, upstream.seen]).toEqual([204, []]);
    expect([...preflight.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    for (const site of ["same-origin", "none"]) {
      expect((await upstream.ask("/api/parlant/api/v1/x", { headers: { "sec-fetch-site": site } })).status).toBe(200);
    }
  });

  test("an answer that leads elsewhere", async () => {
    upstream.answer = (_request, response) => response.writeHead(307, { location: "https://evil.example/api/v1/x" }).end();
    const response = await upstream.ask("/api/parlant/api/v1/x", { headers: { cookie: COOKIE } });
    expect([response.status, upstream.seen.length, response.headers.get("location")]).toEqual([502, 1, null]);
    expect(await response.json()).toMatchObject({ error: { code: "SERVICE_UNAVAILABLE" } });
  });

  test("options that would open more than that", () => {
    const make = (options: Partial<ParlantRouteOptions>) => () => createParlantRoute({ baseUrl: upstream.url, ...options });
    for (const prefix of ["api", "/a//b", "/a/../b", "/a?b", "/%2e", "https://x"]) {
      expect(make({ prefix }), prefix).toThrow(TypeError);
    }
    for (const name of ["Cookie", "Host", "X-Forwarded-For", "connection", "Forwarded", "x-real-ip"]) {
      expect(make({ alsoForward: [name] }), name).toThrow(TypeError);
    }
    expect(make({ baseUrl: "parlant.example.com" })).toThrow(TypeError);
    // A timer of Node's that is longer than it can count goes off at once.
    for (const timeoutMs of [0, -1, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY]) {
      expect(make({ timeoutMs }), String(timeoutMs)).toThrow(TypeError);
    }
    expect(make({ prefix: "" })).not.toThrow();
    expect(make({ baseUrl: () => "not there yet" })).not.toThrow();
  });
});
