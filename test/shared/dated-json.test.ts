import { expect, test } from "vitest";
import { decodeDated, encodeDated } from "../../server/shared/dated-json.ts";

test("values of JSON and Dates come back as they were, whatever their keys are called", () => {
  const value = {
    at: new Date(0),
    "": { "a.b": new Date(1), constructor: "x", dates: [["json"]] },
    list: [1, new Date(2), { json: new Date(3) }],
    text: "1970-01-01T00:00:00.000Z",
  };
  const stored: unknown = JSON.parse(JSON.stringify(encodeDated(value)));
  expect(decodeDated(stored)).toEqual(value);
  expect(decodeDated(encodeDated(new Date(5)))).toEqual(new Date(5));
});
