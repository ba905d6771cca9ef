import { describe, expect, test } from "vitest";
import { presentedCredential, sessionCookieNames } from "../../server/auth/credential.ts";

const onHttp = sessionCookieNames("http://localhost:3000");
const onHttps = sessionCookieNames("https://sim.example.com");

function presented(headers: Record<string, string>, cookieNames = onHttp) {
  return presentedCredential(new Headers(headers), cookieNames);
}

const jwt = { authorization: "Bearer a.b.c" };
const apiKey = { "x-api-key": "sk-sim-key" };
const bearer = { authorization: "Bearer token.signature" };
const cookie = { cookie: "better-auth.session_token=from-cookie" };

describe("the credential that decides", () => {
  test("is none where none is presented", () => {
    expect(presented({})).toBeNull();
    expect(presented({ cookie: "theme=dark; better-auth.session_data=x" })).toBeNull();
  });

  test("is an internal token before an API key, a key before a bearer token, a bearer token before a cookie", () => {
    expect(presented({ ...jwt, ...apiKey, ...cookie })).toEqual({
      kind: "internal_jwt",
      value: "a.b.c",
      source: "authorization",
    });
    expect(presented({ ...bearer, ...apiKey, ...cookie })).toEqual({ kind: "api_key", value: "sk-sim-key", source: "x-api-key" });
    expect(presented({ ...bearer, ...cookie })).toEqual({ kind: "session", value: "token.signature", source: "authorization" });
    expect(presented(cookie)).toEqual({ kind: "session", value: "from-cookie", source: "cookie" });
  });

  test("is an access token by its prefix and its lack of a dot, behind all others", () => {
    const access = { authorization: "Bearer pat_abc" };
    expect(presented(access)).toEqual({ kind: "access_token", value: "pat_abc", source: "authorization" });
    expect(presented({ ...access, ...cookie })).toMatchObject({ kind: "session", source: "cookie" });
    expect(presented({ ...access, ...apiKey })).toMatchObject({ kind: "api_key" });
    expect(presented({ authorization: "Bearer pat_abc.signature" })).toMatchObject({ kind: "session" });
    expect(presented({ authorization: "Bearer PAT_abc" })).toMatchObject({ kind: "session" });
  });

  test("may be empty and still decides", () => {
    expect(presented({ "x-api-key": "", ...cookie })).toMatchObject({ kind: "api_key", value: "" });
    expect(presented({ authorization: "Bearer", ...cookie })).toMatchObject({
      kind: "session",
      value: "",
      source: "authorization",
    });
  });

  test("is a bearer token whatever the case of the scheme", () => {
    expect(presented({ authorization: "bEaReR   token.signature" })).toMatchObject({ value: "token.signature" });
  });

  test("is never of another scheme: a proxy's Basic credentials leave the cookie to decide", () => {
    expect(presented({ authorization: "Basic YTpi" })).toBeNull();
    expect(presented({ authorization: "BearerToken x" })).toBeNull();
    expect(presented({ authorization: "Basic YTpi", ...cookie })).toMatchObject({ source: "cookie" });
  });
});

describe("the session cookie", () => {
  const both = { cookie: "better-auth.session_token=plain; __Secure-better-auth.session_token=secure" };

  test("behind https is only the one with the prefix", () => {
    expect(presented(both, onHttps)).toMatchObject({ value: "secure" });
    expect(presented(cookie, onHttps)).toBeNull();
  });

  test("on http has either name, the plain one first", () => {
    expect(presented(both)).toMatchObject({ value: "plain" });
    expect(presented({ cookie: "__Secure-better-auth.session_token=secure" })).toMatchObject({ value: "secure" });
  });

  test("keeps the equals signs of its value and ignores its neighbours", () => {
    expect(presented({ cookie: "a=1;better-auth.session_token=t.s== ;b; xbetter-auth.session_token=no" })).toMatchObject({
      value: "t.s==",
    });
  });

  test("that is empty is absent", () => {
    expect(presented({ cookie: "better-auth.session_token=" })).toBeNull();
  });

  test("of the more specific path, which is sent first, wins", () => {
    expect(presented({ cookie: "better-auth.session_token=near; better-auth.session_token=far" })).toMatchObject({
      value: "near",
    });
  });
});
