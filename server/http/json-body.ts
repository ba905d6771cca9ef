import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../shared/errors.ts";
import { assertHarmlessJson } from "../shared/harmless-json.ts";

/** Bodies are JSON and nothing else from here on; an empty one is none, and keys that poison prototypes are refused. */
export function parseJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>("application/json", { parseAs: "string" }, async (_request: FastifyRequest, body: string) => {
    const text = body.startsWith("\uFEFF") ? body.slice(1) : body;
    if (text.trim() === "") return undefined;
    assertHarmlessJson(text);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new AppError("BAD_REQUEST", "The body is not valid JSON");
    }
  });
}
