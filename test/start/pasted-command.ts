import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "vitest";
import type { ServerProcess } from "./server-process.ts";

interface AgentList {
  data: { id: string; name: string }[];
  isolation: { verified: boolean };
}

/** The one line that begins with curl, as the server prints it. */
export async function curlLine(server: ServerProcess): Promise<string> {
  await expect.poll(() => server.lines.some((line) => line.startsWith("for await"))).toBe(true);
  const found = server.lines.filter((line) => line.startsWith("curl"));
  expect(found).toHaveLength(1);
  return found[0] ?? "";
}

/** What a shell answers to the line that the server prints, pasted with more behind it. */
export async function paste(server: ServerProcess, more = ""): Promise<AgentList & { id: string }> {
  const { stdout } = await promisify(execFile)("bash", ["-c", `${await curlLine(server)} ${more}`]);
  return JSON.parse(stdout);
}

/** Makes an agent by the printed line. */
export function createByPaste(server: ServerProcess, name: string): Promise<{ id: string }> {
  return paste(server, `-H 'content-type: application/json' -d '${JSON.stringify({ name })}'`);
}

/** The names of the agents that the printed line lists. */
export async function listedNames(server: ServerProcess): Promise<string[]> {
  const { data, isolation } = await paste(server);
  expect(isolation.verified).toBe(true);
  return data.map(({ name }) => name).sort();
}
