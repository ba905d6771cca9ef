import { expect, test } from "vitest";
import { createError, isErrorCode, NotFoundError, RateLimitedError } from "../../client-sdk/src/error-classes.ts";
import { SimParlantError } from "../../client-sdk/src/errors.ts";
import { HTTP_STATUS } from "../../server/shared/errors.ts";

test("each of the server's codes has a class of its own, which knows its errors", () => {
  const codes = Object.keys(HTTP_STATUS).filter(isErrorCode);
  expect(codes).toEqual(Object.keys(HTTP_STATUS));
  const errors = codes.map((code) => createError(code, "no", {}));
  expect(new Set(errors.map((error) => error.constructor)).size).toBe(codes.length);
  expect(errors.filter((error) => NotFoundError.is(error)).map(({ code }) => code)).toEqual(["NOT_FOUND"]);
  expect(errors.every((error) => SimParlantError.is(error) && error instanceof SimParlantError)).toBe(true);
});

test("an error of another copy of the package is recognised, and nothing else is", () => {
  const foreign = { [Symbol.for("@sim/parlant-client/error")]: "NOT_FOUND" };
  expect([SimParlantError.is(foreign), NotFoundError.is(foreign), RateLimitedError.is(foreign)]).toEqual([true, true, false]);
  expect([null, undefined, "NOT_FOUND", new Error("x"), { code: "NOT_FOUND" }].some((value) => SimParlantError.is(value))).toBe(
    false,
  );
});

test("an error is named after its code and is logged with what identifies it", () => {
  const error = createError("RATE_LIMITED", "Slow down", { status: 429, requestId: "req_1", retryAfterMs: 1_000 });
  expect(error.name).toBe("RateLimitedError");
  expect(createError("INTERNAL_ERROR", "x", {}).name).toBe("InternalError");
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    name: "RateLimitedError",
    code: "RATE_LIMITED",
    message: "Slow down",
    status: 429,
    requestId: "req_1",
    retryAfterMs: 1_000,
  });
});
