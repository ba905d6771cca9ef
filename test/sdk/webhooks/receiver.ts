import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** never: no answer at all; drop: the connection is closed. */
  failure?: "never" | "drop";
}

export interface Receiver {
  url: string;
  received: Received[];
  /** The replies to come, in order; the last one stays. */
  replies(...replies: Reply[]): void;
  stop(): Promise<void>;
}

/** A receiver of webhooks that keeps what came, byte by byte, and answers as it is told. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let script: Reply[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      received.push({ path: incoming.url ?? "", headers: incoming.headers, body: Buffer.concat(chunks) });
      const { status = 202, headers = {}, body = "", failure } = (script.length > 1 ? script.shift() : script[0]) ?? {};
      if (failure === "drop") incoming.socket.destroy();
      else if (failure === undefined)
        response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    replies(...replies) {
      script = replies;
      received.length = 0;
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
