import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A database reached through a connection that can be cut. */
export interface BreakableDatabase {
  url: string;
  /** Cuts every connection that is open, without a word to either side's protocol. */
  cut(): void;
  /** From now on nothing passes through the connections that are open, and neither side is told. */
  freeze(): void;
  close(): Promise<void>;
}

/** Puts a relay of our own, on the loopback, before a database. */
export async function behindBreakableNetwork(databaseUrl: string): Promise<BreakableDatabase> {
  const target = new URL(databaseUrl);
  const open = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    cut() {
      for (const socket of open) socket.resetAndDestroy();
    },
    freeze() {
      for (const socket of open) socket.unpipe().pause();
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
