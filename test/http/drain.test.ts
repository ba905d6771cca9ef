import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { startTestServer } from "../support/server.ts";

test("a closing server finishes the call that it is serving and takes no other", async () => {
  const server = await startTestServer();
  const { owner } = server.database;
  const list = () =>
    fetch(`${server.url}/api/v1/workspaces/${server.workspace.id}/agents`, { headers: { "x-api-key": server.apiKey } });
  try {
    expect((await list()).status).toBe(200);
    await owner.query("begin");
    await owner.query("lock table parlant.parlant_agent");
    const served = list();
    await expect
      .poll(async () => {
        const { rows } = await owner.query<{ count: number }>(
          "select count(*)::int from pg_locks where not granted and relation = 'parlant.parlant_agent'::regclass",
        );
        return rows[0]?.count;
      })
      .toBe(1);
    const closed = server.app.close();
    // Until it has stopped listening it may still take a call, so this asks for one that waits for nothing.
    const probe = () =>
      fetch(`${server.url}/livez`).then(
        ({ status }) => status,
        () => "refused",
      );
    await expect.poll(probe).toSatisfy((seen) => seen === "refused" || seen === 503);
    await owner.query("rollback");
    expect((await served).status).toBe(200);
    // The client keeps its connection for the next call; the server does not wait for it.
    await closed;
  } finally {
    await owner.query("rollback");
    await server.stop();
  }
});

test("a closing server waits for no client that has connected and says nothing", async () => {
  const server = await startTestServer();
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  try {
    await Promise.all([once(socket, "connect"), once(server.app.server, "connection")]);
    const ended = once(socket, "close");
    socket.resume();
    await server.app.close();
    await ended;
  } finally {
    socket.destroy();
    await server.stop();
  }
});
