import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startApp } from "../http/app-under-test.ts";

let app: FastifyInstance;

beforeAll(async () => {
  ({ app } = await startApp({ basePath: "/base" }));
});

afterAll(() => app?.close());

test("the page and all that it loads come from this server, under the base path", async () => {
  const page = await app.inject("/base/docs");
  expect(page.statusCode).toBe(200);
  expect(page.headers["content-type"]).toMatch(/^text\/html/);
  const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? "");
  expect(loaded.length).toBeGreaterThanOrEqual(4);
  for (const url of loaded) {
    expect(url).toMatch(/^\/base\/docs\//);
    const file = await app.inject(url);
    expect([url, file.statusCode]).toEqual([url, 200]);
    expect(file.rawPayload.length).toBe(Number(file.headers["content-length"] ?? file.rawPayload.length));
    expect(file.headers["x-content-type-options"]).toBe("nosniff");
  }
});

test("a slash at the end leads to the same page", async () => {
  const { statusCode, headers } = await app.inject("/base/docs/");
  expect([statusCode, headers.location]).toEqual([308, "/base/docs"]);
});

test("the page's policy lets it load and call nothing but this server", async () => {
  const policy = String((await app.inject("/base/docs")).headers["content-security-policy"]);
  const sources = Object.fromEntries(
    policy.split("; ").map((directive) => [directive.split(" ")[0], directive.split(" ").slice(1)]),
  );
  expect(sources).toMatchObject({
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "connect-src": ["'self'"],
  });
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect((await app.inject("/base/docs")).body).not.toMatch(/<script>|<style|style="|onload=/);
});

test("the page shows the document of the same server", async () => {
  const script = (await app.inject("/base/docs/start.js")).body;
  const { url } = JSON.parse(script.slice(script.indexOf("{"), script.lastIndexOf("}") + 1));
  expect(url).toBe("/base/api/v1/openapi.json");
  expect((await app.inject(url)).json()).toMatchObject({ openapi: "3.1.0", servers: [{ url: "/base/api/v1" }] });
});

test("only the files that the page needs are served", async () => {
  for (const url of [
    "/base/docs/index.html",
    "/base/docs/../package.json",
    "/base/docs/%2e%2e/package.json",
    "/base/docs/logo.svg",
  ]) {
    expect((await app.inject(url)).statusCode).toBe(404);
  }
});
