import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createSender, verify } from "../../client-sdk/src/webhooks/index.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import { PermissionUpdateBody, SIM_EVENT_TYPES, WorkspaceEventBody } from "../../server/sim-integration/sim-event.ts";
import { type Receiver, startReceiver } from "../sdk/webhooks/receiver.ts";
import { startTestServer } from "../support/server.ts";
import { testEnv } from "../support/services.ts";
import { blocks } from "./readme-parts.ts";

const SECRET = "a secret of more than 24 bytes";
const NAMES = { workspaceId: "ws-1", userId: "user-1", memberId: "user-2" };

let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.stop());

/** Runs the README's lines as they stand there, with a sender to the given address. */
async function runDocumentedEvents(baseUrl: string, secret: string, names: Record<string, string>): Promise<void> {
  const [block = ""] = blocks("ts").filter((code) => code.includes("createSender"));
  const program = block.replace(/^import .*$/m, "");
  const AsyncFunction: FunctionConstructor = Object.getPrototypeOf(async () => {}).constructor;
  const run = new AsyncFunction("createSender", ...Object.keys(names), program);
  await run(() => createSender({ baseUrl, secret }), ...Object.values(names));
}

test("the lines for Sim's routes send every kind of event, each as the server reads it", async () => {
  receiver.replies({ body: { status: "accepted", deliveryId: "d-1", duplicate: false } });
  await runDocumentedEvents(receiver.url, SECRET, NAMES);
  const types = await Promise.all(
    receiver.received.map(async ({ path, headers, body }) => {
      await verify(body, headers, { secrets: [SECRET] });
      const parsed: unknown = JSON.parse(body.toString());
      if (path.endsWith("/permission-updates")) return PermissionUpdateBody.parse(parsed).new_permission;
      expect(path).toBe("/api/v1/sim-integration/webhooks/workspace-events");
      return WorkspaceEventBody.parse(parsed).event_type;
    }),
  );
  const others = SIM_EVENT_TYPES.filter((type) => type !== "workspace_permissions_updated");
  expect(types.sort()).toEqual([...others, "write"].sort());
});

test("the server takes them, each once", async () => {
  const server = await startTestServer();
  onTestFinished(server.stop);
  const { id, admin, writer } = server.workspace;
  const [secret = ""] = testEnv(server.database.appUrl).SIM_WEBHOOK_SECRET ?? [];
  const names = { workspaceId: id, userId: admin.id, memberId: writer.id };
  await runDocumentedEvents(server.url, secret, names);
  const db = server.dependencies.database.openWorkspace(systemBinding(id, "test"));
  expect(await db.webhookDelivery.count({})).toBe(SIM_EVENT_TYPES.length);
  // The control: signed by another secret, none of them is taken.
  await expect(runDocumentedEvents(server.url, SECRET, names)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  expect(await db.webhookDelivery.count({})).toBe(SIM_EVENT_TYPES.length);
});
