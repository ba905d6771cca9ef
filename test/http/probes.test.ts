import { expect, test } from "vitest";
import { servicesWithoutDatabase, startApp } from "./app-under-test.ts";

test("/livez touches nothing", async () => {
  const broken = async () => {
    throw new Error("must not be asked");
  };
  const { app } = await startApp({ checkReadiness: broken, services: servicesWithoutDatabase({ sim: { query: broken } }) });
  expect((await app.inject("/livez")).statusCode).toBe(200);
  expect((await app.inject("/readyz")).statusCode).toBe(503);
  await app.close();
});

test("/readyz says what is wrong, and asks once a second at most however many ask it", async () => {
  let nowMs = 0;
  let asked = 0;
  let isReady = true;
  const { app, log } = await startApp({
    services: servicesWithoutDatabase({ clock: { now: () => nowMs } }),
    checkReadiness: async () => {
      asked += 1;
      return { ready: isReady, checks: { database: isReady ? "ok" : "unreachable" } };
    },
  });
  const answers = await Promise.all(Array.from({ length: 20 }, () => app.inject("/readyz")));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(20).fill(200));
  expect(asked).toBe(1);
  isReady = false;
  nowMs += 999;
  expect((await app.inject("/readyz")).statusCode).toBe(200);
  nowMs += 1;
  const unready = await app.inject("/readyz");
  expect(unready.statusCode).toBe(503);
  expect(log.at(-1)).toMatchObject({ level: "error", code: "SERVICE_UNAVAILABLE" });
  expect(unready.json()).toEqual({ status: "not ready", checks: { database: "unreachable" } });
  expect(asked).toBe(2);
  await app.close();
});
