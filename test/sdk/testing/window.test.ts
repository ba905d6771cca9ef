// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { createClient } from "../../../client-sdk/src/index.ts";
import { createFakeServer } from "../../../client-sdk/src/testing/index.ts";
import { says } from "./checks/check.ts";

test("the fake serves where there is a window, whose fetch, Request and signals are not the platform's", async () => {
  expect("window" in globalThis).toBe(true);
  const server = createFakeServer();
  const workspaceId = server.addWorkspace({ members: { ana: "admin" } });
  const apiKey = server.addApiKey({ userId: "ana" });
  const ws = createClient({ baseUrl: "http://parlant.test", fetch: server.fetch, apiKey }).workspace(workspaceId);
  const agent = await ws.agents.create({ name: "Scout" });
  const { id } = await ws.sessions.create({ agentId: agent.id });
  await ws.events.append(id, says("0"));
  const seen: unknown[] = [];
  for await (const { offset, data, createdAt } of ws.events.stream(id)) {
    seen.push([offset, data["message"], createdAt instanceof Date]);
    if (offset === 1) break;
    await ws.events.append(id, says("1"));
  }
  expect(seen).toEqual([
    [0, "0", true],
    [1, "1", true],
  ]);
  await expect(ws.agents.get("no-uuid")).rejects.toMatchObject({ code: "BAD_REQUEST", requestId: expect.stringMatching(/./) });
});
