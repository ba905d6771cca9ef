import type { Server } from "node:http";
import type { Socket } from "node:net";

/**
 * Afterwards the returned function ends every connection on which nothing has come yet, as browsers open them ahead.
 * Node counts such a connection as busy, so that closing the idle ones leaves it, and the server waits for it.
 */
export function trackSilentConnections(server: Server): () => void {
  const open = new Set<Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  return () => {
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
  };
}
