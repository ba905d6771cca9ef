import { expect, test } from "vitest";
import { createRateLimiter } from "../../server/http/rate-limit.ts";
import { servicesWithoutDatabase, startApp } from "./app-under-test.ts";

const HEALTH = "/api/v1/sim-integration/health";

async function startLimited(limitPerMinute: number) {
  const time = { now: Date.UTC(2026, 0, 1) };
  const services = servicesWithoutDatabase({
    clock: { now: () => time.now },
    findCaller: async (headers) => {
      const userId = headers.get("x-api-key")?.split("-")[0];
      if (userId !== "ann" && userId !== "bob") return null;
      return { principal: { kind: "session", userId, sessionId: "s" }, source: "x-api-key", proof: null, memory: null as never };
    },
  });
  const { app } = await startApp({ services, rateLimitPerMinute: limitPerMinute });
  const call = async (key: string | null, url = "/api/v1/workspaces/w/agents") =>
    app.inject({ url, headers: key === null ? {} : { "x-api-key": key } });
  return { app, time, call };
}

test("a caller that has used up its minute is told when the next begins, and then goes on", async () => {
  const { app, time, call } = await startLimited(2);
  const first = await call(null, HEALTH);
  expect(first.headers).toMatchObject({
    "x-ratelimit-limit": "2",
    "x-ratelimit-remaining": "1",
    "x-ratelimit-reset": "2026-01-01T00:01:00.000Z",
  });
  await call(null, HEALTH);
  time.now += 20_500;
  const refused = await call(null, HEALTH);
  expect(refused.statusCode).toBe(429);
  expect(refused.headers).toMatchObject({
    "retry-after": "40",
    "x-ratelimit-remaining": "0",
    "cache-control": "private, no-store",
  });
  expect(refused.json().error.code).toBe("RATE_LIMITED");
  expect((await app.inject("/livez")).statusCode).toBe(200);
  time.now += 39_500;
  expect((await call(null, HEALTH)).statusCode).toBe(200);
  await app.close();
});

test("a principal has one minute for all its credentials, apart from the others at its address", async () => {
  const { app, call } = await startLimited(4);
  await call("ann-1"); // not known yet: the address pays
  for (const left of ["3", "2", "1"]) expect((await call("ann-1")).headers["x-ratelimit-remaining"]).toBe(left);
  await call("ann-2"); // the address again
  expect((await call("ann-2")).headers["x-ratelimit-remaining"]).toBe("0");
  expect((await call("ann-1")).statusCode).toBe(429);
  await call("bob-1");
  expect((await call("bob-1")).headers["x-ratelimit-remaining"]).toBe("3");
  await app.close();
});

test("made-up credentials share the minute of their address, and known ones are not shut out by them", async () => {
  const { app, call } = await startLimited(3);
  await call("ann-1");
  for (const key of ["x", "y"]) expect((await call(key)).statusCode).toBe(401);
  expect((await call("z")).statusCode).toBe(429);
  expect((await call("ann-1")).statusCode).toBe(500); // recognised, then there is no database
  await app.close();
});

test("each call of a tRPC batch counts, and a refusal comes in tRPC's own form", async () => {
  const { app, call } = await startLimited(3);
  const batch = "/api/trpc/simIntegration.health,simIntegration.health?batch=1&input=%7B%7D";
  expect((await call(null, batch)).headers["x-ratelimit-remaining"]).toBe("1");
  const refused = await call(null, batch);
  expect(refused.statusCode).toBe(429);
  expect(refused.json().error.json).toMatchObject({ data: { code: "RATE_LIMITED", httpStatus: 429 } });
  await app.close();
});

test("a path that is spelled otherwise counts as its own", async () => {
  for (const [url, left] of [
    ["/%61pi/v1/sim-integration/health", "19"],
    ["/api/v1/sim%2Dintegration/health", "19"],
    ["/%61pi/nowhere", "19"],
    ["/api/%74rpc/simIntegration.health%2CsimIntegration.health?batch=1&input=%7B%7D", "18"],
    ["/%61pi/trpc/simIntegration.health,simIntegration.health?batch=1&input=%7B%7D", "18"],
  ] as const) {
    const { app } = await startLimited(20);
    const { headers } = await app.inject(url);
    expect([url, headers["x-ratelimit-remaining"]]).toEqual([url, left]);
    expect(headers["cache-control"]).toBe("private, no-store");
    await app.close();
  }
});

test("a batch that is encoded twice is no batch", async () => {
  const { app, call } = await startLimited(20);
  const response = await call(null, "/api/trpc/simIntegration.health%252CsimIntegration.health?batch=1&input=%7B%7D");
  expect(response.headers["x-ratelimit-remaining"]).toBe("19");
  expect(response.json()).toMatchObject([{ error: { json: { data: { httpStatus: 404 } } } }]);
  await app.close();
});

test("0 is no limit, and says nothing of one", async () => {
  const { app, call } = await startLimited(0);
  for (let i = 0; i < 5; i++) {
    const { statusCode, headers } = await call(null, HEALTH);
    expect([statusCode, headers["x-ratelimit-limit"]]).toEqual([200, undefined]);
  }
  await app.close();
});

test("a principal and an address are counted apart", () => {
  const limiter = createRateLimiter({ limitPerMinute: 1, clock: { now: () => 0 } });
  limiter.recognise({ authorization: "Bearer ann" }, "session:ann");
  expect(limiter.take({ authorization: "Bearer ann" }, "ip", 1).isExceeded).toBe(false);
  expect(limiter.take({ authorization: "Bearer ann" }, "ip", 1).isExceeded).toBe(true);
  expect(limiter.take({ authorization: "Bearer eve" }, "ip", 1).isExceeded).toBe(false);
});
