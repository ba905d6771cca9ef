import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";
import { blocks } from "./readme-parts.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());

/** What differs from one installation, or one call, to the next. */
const VARYING = new Set(["id", "workspaceId", "createdBy", "createdByKeyId", "createdAt", "updatedAt", "boundary", "requestId"]);

/** The same value with every varying text replaced by its type. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, VARYING.has(key) && typeof one === "string" ? "text" : shapeOf(one)]),
  );
}

function documentedAnswers(): Record<string, unknown>[] {
  return [...blocks("text"), ...blocks("json")].map((text) => JSON.parse(text));
}

/** Runs a documented curl as it is written, with this server's address and key. */
async function run(documented: string, workspaceId: string): Promise<unknown> {
  const command = documented.split("\n").find((line) => line.startsWith("curl"));
  const { stdout } = await promisify(execFile)("bash", ["-c", command ?? "false"], {
    env: {
      PATH: process.env["PATH"],
      KEY: server.apiKey,
      AGENTS: `${server.url}/api/v1/workspaces/${workspaceId}/agents`,
    },
  });
  return JSON.parse(stdout);
}

test("the documented requests are answered as documented", async () => {
  const [create = "", list = ""] = blocks("bash").filter((text) => /^curl/m.test(text));
  const [agent, notFound] = documentedAnswers();
  const made = await run(create, server.workspace.id);
  expect(shapeOf(made)).toEqual(shapeOf(agent));
  expect(await run(list, server.workspace.id)).toMatchObject({ data: [made], nextCursor: null, isolation: { verified: true } });
  expect(shapeOf(await run(create, "another-workspace"))).toEqual(shapeOf(notFound));
  expect(shapeOf(await run(list, "another-workspace"))).toEqual(shapeOf(notFound));
});

test("control: a field more or less, or another value, would be noticed", () => {
  const [agent] = documentedAnswers();
  for (const other of [
    { ...agent, more: 1 },
    { ...agent, temperature: 0.8 },
    { ...agent, id: null },
  ]) {
    expect(shapeOf(other)).not.toEqual(shapeOf(agent));
  }
});
