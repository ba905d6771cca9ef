import { describe, expect, test } from "vitest";
import { allowedOrigins, assertCookieRequestAllowed } from "../../server/auth/cookie-rules.ts";

const allowed = allowedOrigins("https://sim.example.com/", ["https://admin.example.com", "http://localhost:3000"]);

function check(method: string, headers: Record<string, string>, hasBody = false): void {
  assertCookieRequestAllowed({ method, headers: new Headers(headers), hasBody }, allowed);
}

const forbidden = expect.objectContaining({ code: "FORBIDDEN" });

describe("a request that a cookie decides", () => {
  test.each(["GET", "HEAD", "OPTIONS", "get"])("%s is free, from any origin", (method) => {
    expect(() => check(method, { origin: "https://evil.example" })).not.toThrow();
  });

  test.each(["POST", "PUT", "PATCH", "DELETE", "delete", "PURGE"])("%s is refused from a foreign origin", (method) => {
    expect(() => check(method, { origin: "https://evil.example" })).toThrow(forbidden);
    expect(() => check(method, { origin: "https://sim.example.com" })).not.toThrow();
  });

  test.each([
    "null",
    "",
    "https://sim.example.com.evil.example",
    "https://evil.example/https://sim.example.com",
    "http://sim.example.com",
    "https://sim.example.com:8443",
    "https://sim.example.com/",
    "https://SIM.example.com",
    "https://sim.example.com, https://evil.example",
    "https://sub.sim.example.com",
  ])("the origin %j is not the allowed one", (origin) => {
    expect(() => check("POST", { origin })).toThrow(forbidden);
  });

  test("without an origin, as outside browsers, only the content type counts", () => {
    expect(() => check("DELETE", {})).not.toThrow();
    expect(() => check("POST", { "content-type": "application/json" }, true)).not.toThrow();
  });

  test.each(["application/json", "application/json; charset=utf-8", "Application/JSON ;charset=UTF-8"])(
    "a body may be %s",
    (contentType) => {
      expect(() => check("POST", { "content-type": contentType }, true)).not.toThrow();
    },
  );

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=application/json",
    "text/plain; application/json",
    "application/jsonp",
    "application/json, text/plain",
    "",
  ])("a body may not be %j", (contentType) => {
    const headers = { origin: "https://sim.example.com", "content-type": contentType };
    expect(() => check("POST", headers, true)).toThrow(forbidden);
    expect(() => check("POST", headers, false)).not.toThrow();
  });

  test("a body without a content type is refused", () => {
    expect(() => check("PATCH", { origin: "https://sim.example.com" }, true)).toThrow(forbidden);
  });
});

describe("the allowed origins", () => {
  test("are Sim's own and the listed ones, as origins", () => {
    expect([...allowedOrigins("https://sim.example.com/app?x=1", ["https://Other.example.com:443/"])]).toEqual([
      "https://sim.example.com",
      "https://other.example.com",
    ]);
  });

  test.each(["*", "https://*.example.com", "sim.example.com", "file:///etc", "null"])("cannot be %j", (entry) => {
    expect(() => allowedOrigins("https://sim.example.com", [entry])).toThrow(`ALLOWED_ORIGINS: "${entry}" is not an origin`);
  });
});
