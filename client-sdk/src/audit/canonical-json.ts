/**
 * The one text of a JSON value, whatever order its keys were given in: JSON Canonicalization Scheme, RFC 8785.
 *
 * @throws TypeError for what is no JSON value: undefined, a number that is not finite, text with half a surrogate pair,
 * an object of a class
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case "string":
      return canonicalText(value);
    case "boolean":
      return String(value);
    case "number":
      // JavaScript's own form of a number is the scheme's.
      if (Number.isFinite(value)) return JSON.stringify(value);
      break;
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
      if (isPlain(value)) return canonicalObject(value);
      break;
  }
  throw new TypeError(`Not a JSON value: ${typeof value === "object" ? "an object of a class" : String(value)}`);
}

function canonicalObject(value: Record<string, unknown>): string {
  // sort() compares UTF-16 code units, which is the scheme's order.
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${canonicalText(key)}:${canonicalJson(value[key])}`).join(",")}}`;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

function canonicalText(text: string): string {
  if (LONE_SURROGATE.test(text)) throw new TypeError("Not a JSON value: text with half a surrogate pair");
  return JSON.stringify(text);
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
