import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { makeApiKey } from "../support/database.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import type { BenchDatabase } from "./bench-database.ts";

const STREAMS = 1_000;
const STREAMS_OF_A_KEY = 100;
const IDLE_SECONDS = 20;
const PORT = 18_471;
const TICKS_PER_SECOND = 100;

/** Open streams on one process, each of a session of its own: its memory and, while nothing happens, its CPU. Linux alone tells them. */
export async function benchStreams({ appUrl, superuserUrl, workspaceId, bearer, userId }: BenchDatabase): Promise<string[]> {
  const superuser = new pg.Client({ connectionString: superuserUrl });
  await superuser.connect();
  const dependencies = await createTestDependencies(appUrl);
  const server = fork(new URL("../chaos/event-server.ts", import.meta.url), [appUrl, String(PORT)]);
  const closing = new AbortController();
  try {
    await once(server, "message");
    const { agents, sessions, events } = callerWith(dependencies, { authorization: bearer }).workspaces;
    const { id: agentId } = await agents.create({ workspaceId, name: "Bench of streams" });
    const empty = await usageOf(server, 5);
    const opened: { sessionId: string; received: Promise<void> }[] = [];
    for (let key = 0; key < STREAMS / STREAMS_OF_A_KEY; key++) {
      const { plain } = await makeApiKey(superuser, { userId });
      for (let index = 0; index < STREAMS_OF_A_KEY; index++) {
        const { id: sessionId } = await sessions.create({ workspaceId, agentId });
        opened.push({ sessionId, ...(await openStream({ workspaceId, sessionId }, plain, closing.signal)) });
      }
    }
    const full = await usageOf(server, IDLE_SECONDS);
    const startedAtMs = performance.now();
    for (const { sessionId } of opened) {
      const message = { kind: "custom" as const, source: "system" as const, data: {} };
      await events.append({ workspaceId, sessionId, events: [message] });
    }
    await Promise.all(opened.map(({ received }) => received));
    const seconds = (performance.now() - startedAtMs) / 1_000;
    return [
      "| one process | RSS | CPU while idle |",
      "| --- | --- | --- |",
      `| no stream | ${empty.megabytes.toFixed(0)} MB | ${empty.cpuPercent.toFixed(1)} % |`,
      `| ${STREAMS} streams | ${full.megabytes.toFixed(0)} MB | ${full.cpuPercent.toFixed(1)} % |`,
      "",
      `An event to each, appended one after the other by another process, had reached all after ${seconds.toFixed(1)} s.`,
    ];
  } finally {
    closing.abort();
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    await dependencies.close();
    await superuser.end();
  }
}

/** Resolves once the stream has begun, to when it has brought an event. */
async function openStream(input: object, apiKey: string, signal: AbortSignal): Promise<{ received: Promise<void> }> {
  const wire = encodeURIComponent(JSON.stringify({ json: input }));
  const response = await fetch(`http://127.0.0.1:${PORT}/api/trpc/workspaces.events.stream?input=${wire}`, {
    headers: { "x-api-key": apiKey },
    signal,
  });
  if (response.status !== 200 || !response.body) throw new Error(`A stream was answered with ${response.status}`);
  return { received: readUntilEvent(response.body) };
}

async function readUntilEvent(body: AsyncIterable<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of body) if (decoder.decode(chunk).includes("id: ")) return;
  throw new Error("A stream ended");
}

async function usageOf({ pid }: ChildProcess, seconds: number): Promise<{ megabytes: number; cpuPercent: number }> {
  const ticks = () => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  const before = ticks();
  await pause(seconds * 1_000);
  const cpuPercent = ((ticks() - before) / TICKS_PER_SECOND / seconds) * 100;
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { megabytes: Number(resident) / 1_024, cpuPercent };
}
