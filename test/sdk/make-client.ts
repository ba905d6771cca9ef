import type { ClientOptions } from "../../client-sdk/src/client-options.ts";
import { createClientWith, type SimClient } from "../../client-sdk/src/create-client.ts";
import type { Ports } from "../../client-sdk/src/ports.ts";
import type { FakeAnswer } from "./fake-server.ts";

export const API_KEY = "sk-sim-very-secret";
const NOW = Date.parse("2026-01-01T00:00:00Z");

/** What a gateway answers when the server is away. */
export const BAD_GATEWAY: FakeAnswer = {
  status: 502,
  headers: { "x-request-id": "req_9" },
  body: "<html>Bad Gateway</html>",
};

export type TestClientOptions = Partial<Omit<ClientOptions, "apiKey" | "token">> & {
  apiKey?: string | undefined;
  token?: ClientOptions["token"];
};

/** A client at a standing clock, whose waits take no time and are recorded in `waits`. */
export function makeClient(options: TestClientOptions, ports: Partial<Ports> = {}): SimClient & { waits: number[] } {
  const waits: number[] = [];
  const recorded: Ports = {
    now: () => NOW,
    random: () => 0.5,
    wait: async (milliseconds) => {
      waits.push(milliseconds);
    },
    ...ports,
  };
  return { ...createClientWith(recorded, { apiKey: API_KEY, ...options } as ClientOptions), waits };
}
