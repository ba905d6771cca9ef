import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to the database that overhears which statements are run through it. */
export interface WireTap {
  /** Leads to the same database, by the same role. */
  url: string;
  /** The statements run since the last time, in order, each as its text. */
  takeStatements(): string[];
  close(): Promise<void>;
}

const TYPE_BYTES = 1;
const LENGTH_BYTES = 4;

/** Opens it; connections through it must not be encrypted. Close it in afterAll, after what uses it. */
export async function openWireTap(databaseUrl: string): Promise<WireTap> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let statements: string[] = [];
  const server = createServer((client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port || 5432) });
    const listener = createListener((statement) => statements.push(statement));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", listener);
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    takeStatements() {
      const taken = statements;
      statements = [];
      return taken;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Reads what a client sends, and tells of each statement that is run: a simple query, or the text that was prepared
 * under the name that is bound. Source: PostgreSQL's manual, "Message Formats" of the frontend/backend protocol 3.0.
 */
function createListener(tell: (statement: string) => void): (chunk: Buffer) => void {
  const prepared = new Map<string, string>();
  let pending = Buffer.alloc(0);
  let isStarted = false;
  const texts = (body: Buffer) => body.toString("utf8").split("\0");
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const header = isStarted ? TYPE_BYTES : 0;
      if (pending.length < header + LENGTH_BYTES) return;
      const end = header + pending.readUInt32BE(header);
      if (pending.length < end) return;
      const type = isStarted ? String.fromCharCode(pending[0] ?? 0) : "startup";
      const [first = "", second = ""] = texts(pending.subarray(header + LENGTH_BYTES, end));
      pending = pending.subarray(end);
      isStarted = true;
      if (type === "Q") tell(first);
      if (type === "P") prepared.set(first, second);
      if (type === "B") tell(prepared.get(second) ?? `unprepared "${second}"`);
    }
  };
}
