import { AppError } from "./errors.ts";

/** How deeply the JSON of a request may be nested; what is stored allows less. */
export const MAX_JSON_DEPTH = 64;

/** Text without any of these has no key that poisons prototypes; an escape may hide one. */
const MAY_POISON = /__proto__|constructor|\\u/;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Holds for JSON text whose value can be walked recursively, copied and merged without harm.
 * @throws AppError BAD_REQUEST naming the limit or the key
 */
export function assertHarmlessJson(text: string): void {
  assertShallowJson(text);
  if (MAY_POISON.test(text)) assertNoPoison(text);
}

function assertShallowJson(text: string): void {
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (isInString) {
      if (unit === BACKSLASH) i++;
      else if (unit === QUOTE) isInString = false;
    } else if (unit === QUOTE) {
      isInString = true;
    } else if (unit === 0x7b || unit === 0x5b) {
      if (++depth > MAX_JSON_DEPTH) throw new AppError("BAD_REQUEST", `The JSON is nested more than ${MAX_JSON_DEPTH} deep`);
    } else if (unit === 0x7d || unit === 0x5d) {
      depth--;
    }
  }
}

/** Whoever parses the text says whether it is JSON at all. */
function assertNoPoison(text: string): void {
  try {
    JSON.parse(text, (key, value: unknown) => {
      if (key === "__proto__" || (key === "constructor" && hasOwn(value, "prototype"))) {
        throw new AppError("BAD_REQUEST", `The JSON must not have the key "${key}" here`);
      }
      return value;
    });
  } catch (error) {
    if (error instanceof AppError) throw error;
  }
}

function hasOwn(value: unknown, key: string): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}
