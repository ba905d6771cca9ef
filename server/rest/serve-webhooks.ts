import type { FastifyInstance } from "fastify";
import type { WebhookKind } from "../sim-integration/inbox/read-event.ts";
import { receiveWebhook } from "../sim-integration/inbox/receive-webhook.ts";
import type { Services } from "../trpc/context.ts";
import { REST_PREFIX } from "./rest-prefix.ts";

/** Where Sim sends its webhooks, under the REST prefix, and the procedures that are the same without a signature. */
export const WEBHOOKS: Readonly<Record<string, { kind: WebhookKind; procedure: string }>> = {
  "/sim-integration/webhooks/workspace-events": {
    kind: "workspace_event",
    procedure: "simIntegration.webhooks.workspaceEvents",
  },
  "/sim-integration/webhooks/permission-updates": {
    kind: "permission_update",
    procedure: "simIntegration.webhooks.permissionUpdates",
  },
};

/** Takes Sim's webhooks. Their signature is over the bytes of the body, so that here nothing parses it before. */
export async function serveWebhooks(app: FastifyInstance, basePath: string, { services }: { services: Services }): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    for (const [path, { kind, procedure }] of Object.entries(WEBHOOKS)) {
      scope.post(`${basePath}${REST_PREFIX}${path}`, async (request, reply) => {
        request.note.procedure = procedure;
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const accepted = await receiveWebhook(services.inbox, { kind, body, headers: request.headers });
        return reply.code(202).send(accepted);
      });
    }
  });
}
