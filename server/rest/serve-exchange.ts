import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type ContextOptions, createRequestContext } from "../http/request-context.ts";
import { AppError, invalidInput } from "../shared/errors.ts";
import { refuseCredential } from "../trpc/enter-workspace.ts";
import { REST_PREFIX } from "./rest-prefix.ts";

/** Under the REST prefix. It is no procedure: it is for whoever has no credential yet, and is of no workspace. */
export const EXCHANGE_PATH = "/auth/exchange";

export const ExchangeBody = z.strictObject({
  token: z.string().describe("What Sim's POST /api/auth/socket-token answered with; it is good once"),
});

export const GrantedToken = z.object({
  accessToken: z.string().describe("To be sent as a bearer token; it is worth what the session is worth, and ends with it"),
  expiresAt: z.iso.datetime().describe("Five minutes on"),
});

/** Takes one-time tokens of Sim's and gives access tokens for them, to pages on another host than Sim's. */
export function serveExchange(app: FastifyInstance, basePath: string, options: ContextOptions): void {
  app.post(`${basePath}${REST_PREFIX}${EXCHANGE_PATH}`, async (request): Promise<z.output<typeof GrantedToken>> => {
    request.note.procedure = "auth.exchange";
    const body = ExchangeBody.safeParse(request.body ?? {});
    if (!body.success) {
      throw invalidInput(body.error.issues.map(({ path, message }) => ({ path: path.map(String), message })));
    }
    const granted = await options.services.exchangeToken(body.data.token);
    if (!granted) {
      refuseCredential(createRequestContext(request, options));
      throw new AppError("UNAUTHORIZED", "The one-time token is not valid, was used or has expired");
    }
    request.note.principalKind = "session";
    request.note.principalId = granted.userId;
    return { accessToken: granted.accessToken, expiresAt: granted.expiresAt.toISOString() };
  });
}
