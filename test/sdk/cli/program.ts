import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createClient } from "../../../client-sdk/src/create-client.ts";
import type { TestServer } from "../../support/server.ts";
import type { Consumer } from "../consumer.ts";

export const WEBHOOK_SECRET = "webhook-secret-of-the-tests-0123456789abcd";

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** The program of a package that is installed somewhere, on a server's admin's behalf. */
export function programOf(consumer: () => Consumer, server: () => TestServer) {
  /** Starts the packed program as a person's shell does. */
  function start(args: string[], environment: Record<string, string> = {}): ChildProcess & { ended: Promise<Ended> } {
    const child = spawn(process.execPath, [join(consumer().package, "bin", "parlant-client.js"), ...args], {
      cwd: consumer().dir,
      env: {
        ...{ PATH: process.env["PATH"], SIM_PARLANT_URL: server().url, SIM_API_KEY: server().apiKey },
        ...{ SIM_WORKSPACE_ID: server().workspace.id, SIM_WEBHOOK_SECRET: WEBHOOK_SECRET },
        ...environment,
      },
    });
    const ended = Promise.all([once(child, "exit"), text(child.stdout).catch(() => ""), text(child.stderr).catch(() => "")]).then(
      ([[code], out, err]): Ended => ({ code: code as number | null, out, err }),
    );
    return Object.assign(child, { ended });
  }

  async function cli(args: string[], environment: Record<string, string> = {}, input = ""): Promise<Ended> {
    const child = start(args, environment);
    child.stdin?.end(input);
    return child.ended;
  }

  const client = () => createClient({ baseUrl: server().url, apiKey: server().apiKey }).workspace(server().workspace.id);

  async function openSession(): Promise<{ sessionId: string; agentId: string }> {
    const { id: agentId } = await client().agents.create({ name: `Agent ${randomUUID()}` });
    const { id: sessionId } = await client().sessions.create({ agentId, title: "A conversation" });
    return { sessionId, agentId };
  }

  return { start, cli, client, openSession };
}

export const jsonLines = ({ out }: Ended) =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

export const says = (message: string) => ({ kind: "message" as const, source: "customer" as const, data: { message } });
