import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import superjson from "superjson";

export interface SeenRequest {
  method: string;
  /** The procedure, e.g. workspaces.agents.get. */
  path: string;
  headers: IncomingMessage["headers"];
  input: unknown;
}

export interface FakeAnswer {
  status?: number;
  headers?: Record<string, string>;
  /** Text as it is; anything else as JSON. */
  body?: unknown;
  /** never: no answer at all; half: its head alone; drop: the connection is closed. */
  failure?: "never" | "half" | "drop";
}

export interface FakeServer {
  url: string;
  requests: SeenRequest[];
  /** The answers to come, in order; the last one stays. */
  answers(...answers: (FakeAnswer | ((request: SeenRequest) => FakeAnswer))[]): void;
  stop(): Promise<void>;
}

/** A server that answers as it is told, below whatever path. */
export async function startFakeServer(): Promise<FakeServer> {
  const requests: SeenRequest[] = [];
  let script: (FakeAnswer | ((request: SeenRequest) => FakeAnswer))[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const request = toSeen(incoming, Buffer.concat(chunks).toString());
      requests.push(request);
      const next = (script.length > 1 ? script.shift() : script[0]) ?? { failure: "never" };
      const { status = 200, headers = {}, body = "", failure } = typeof next === "function" ? next(request) : next;
      if (failure === "never") return;
      if (failure === "drop") {
        incoming.socket.destroy();
        return;
      }
      const text = typeof body === "string" ? body : JSON.stringify(body);
      response.writeHead(status, { "content-type": typeof body === "string" ? "text/html" : "application/json", ...headers });
      if (failure === "half") response.write(text.slice(0, 1));
      else response.end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answers(...answers) {
      script = answers;
      requests.length = 0;
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A procedure's result, as the server writes it. */
export function result(value: unknown): FakeAnswer {
  return { body: { result: { data: superjson.serialize(value) } } };
}

/** A procedure's error, as the server writes it. */
export function failure(status: number, code: string, data: object = {}, headers: Record<string, string> = {}): FakeAnswer {
  const shape = { message: `It is ${code}`, code: -32_000, data: { code, httpStatus: status, path: "", requestId: "", ...data } };
  return { status, headers, body: { error: superjson.serialize(shape) } };
}

function toSeen(incoming: IncomingMessage, body: string): SeenRequest {
  const url = new URL(incoming.url ?? "/", "http://localhost");
  const text = body || url.searchParams.get("input");
  return {
    method: incoming.method ?? "",
    path: url.pathname.replace(/^.*\/api\/trpc\//, ""),
    headers: incoming.headers,
    input: text ? superjson.parse(text) : undefined,
  };
}
