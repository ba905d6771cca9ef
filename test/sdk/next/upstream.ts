import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createParlantRoute, type ParlantRouteOptions } from "../../../client-sdk/src/next/index.ts";

export const PAGE = "http://localhost:3000";

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage["headers"];
  body: string;
}

/** A server behind a route, which answers as it is told to and keeps what it has seen. */
export interface Upstream {
  url: string;
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  seen: Seen[];
  /** What the route makes of a page's request; what was seen before is forgotten. */
  ask(path: string, init?: RequestInit, options?: Partial<ParlantRouteOptions>): Promise<Response>;
  stop(): void;
}

export const ok = (_request: IncomingMessage, response: ServerResponse) => response.end("{}");

export async function startUpstream(): Promise<Upstream> {
  const server = createServer((request, response) => {
    const entry: Seen = { method: request.method, url: request.url, headers: request.headers, body: "" };
    upstream.seen.push(entry);
    request.setEncoding("utf8").on("data", (chunk: string) => {
      entry.body += chunk;
    });
    upstream.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upstream: Upstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`,
    answer: ok,
    seen: [],
    async ask(path, init = {}, options = {}) {
      const route = createParlantRoute({ baseUrl: upstream.url, ...options });
      const method = (init.method ?? "GET") as keyof typeof route;
      upstream.seen = [];
      return route[method](new Request(`${PAGE}${path}`, init));
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return upstream;
}
