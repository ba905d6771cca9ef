import type { FastifyInstance } from "fastify";
import { AppError } from "../shared/errors.ts";

/** How deeply the JSON of a request may be nested; what is stored allows less. */
export const MAX_JSON_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Holds for JSON text that can be walked recursively without harm.
 * @throws AppError BAD_REQUEST naming the limit
 */
export function assertShallowJson(text: string): void {
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

/** Bodies are JSON and nothing else from here on; an empty one is none, and keys that poison prototypes are refused. */
export function parseJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body.trim() === "") return done(null, undefined);
    try {
      assertShallowJson(body);
    } catch (error) {
      return done(error as AppError);
    }
    return parse(request, body, (error, value) =>
      error
        ? done(new AppError("BAD_REQUEST", "The body is not valid JSON, or holds a key such as __proto__"))
        : done(null, value),
    );
  });
}
