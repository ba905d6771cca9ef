import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, ForbiddenError, UnauthorizedError } from "../../../client-sdk/src/index.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { type Consumer, installConsumer } from "../consumer.ts";

/** Next.js' compiler for this machine, which the registry has as a package of its own. */
const COMPILER = `@next/swc-${process.platform}-${process.arch}-gnu`;
const isHere = existsSync(fileURLToPath(new URL(`../../../node_modules/${COMPILER}`, import.meta.url)));

const NEXT = join("node_modules", "next", "dist", "bin", "next");
/** Without what the test runner sets, by which React would take the build for a test. */
const ENVIRONMENT = {
  PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
  HOME: tmpdir(),
  NODE_ENV: "production",
  NEXT_TELEMETRY_DISABLED: "1",
} as const;

const FILES = {
  "package.json": JSON.stringify({ name: "app", type: "module", private: true }),
  "app/layout.js": 'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }',
  "app/page.js": "export default function Page() { return <p>A page of Sim's</p>; }",
  "app/api/parlant/[...path]/route.js": `
    import { createParlantRoute } from "@sim/parlant-client/next";
    export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createParlantRoute({ baseUrl: () => process.env.PARLANT_URL });`,
};

let server: TestServer;
let consumer: Consumer;
let stopApp = async () => {};
let page: string;
let cookie: string;

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Starts the built app in a process of its own; its output until it is ready is its failure otherwise. */
async function startApp(port: number): Promise<void> {
  const app = spawn(process.execPath, [NEXT, "start", "-p", String(port), "-H", "127.0.0.1"], {
    cwd: consumer.dir,
    env: { ...ENVIRONMENT, PARLANT_URL: server.url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => app.once("exit", () => resolve()));
  stopApp = async () => {
    app.kill("SIGKILL");
    await ended;
  };
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("Ready")) resolve();
    };
    app.stdout.on("data", read);
    app.stderr.on("data", read);
    void ended.then(() => reject(new Error(output)));
  });
}

describe.skipIf(!isHere)(`in an app of Next.js (skipped where there is no ${COMPILER})`, () => {
  beforeAll(async () => {
    const port = await freePort();
    page = `http://127.0.0.1:${port}`;
    server = await startTestServer({ NEXT_PUBLIC_APP_URL: page });
    const token = server.workspace.admin.headers["authorization"]?.replace("Bearer ", "") ?? "";
    cookie = `sim_theme=dark; better-auth.session_token=${encodeURIComponent(token)}`;
    consumer = await installConsumer("next", "react", "react-dom", COMPILER);
    for (const [path, text] of Object.entries(FILES)) {
      await mkdir(dirname(join(consumer.dir, path)), { recursive: true });
      await writeFile(join(consumer.dir, path), text);
    }
    const environment = Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
    const built = await consumer.run("env", "-i", ...environment, "node", NEXT, "build");
    expect(built, built.output).toMatchObject({ exitCode: 0 });
    await startApp(port);
  }, 240_000);
  afterAll(async () => {
    await stopApp();
    await consumer?.remove();
    await server?.stop();
  });

  /** A page's client: the browser adds the cookie, the origin and where the request comes from. */
  function pageClient(browser: Record<string, string>) {
    return createClient({
      baseUrl: `${page}/api/parlant`,
      retries: 0,
      fetch: (url, { headers, ...init }) =>
        fetch(url, { ...init, headers: { ...headers, "sec-fetch-site": "same-origin", origin: page, ...browser } }),
    });
  }

  test("a page does through its own origin what its user may, and follows a session", async () => {
    const ws = pageClient({ cookie }).workspace(server.workspace.id);
    const agent = await ws.agents.create({ name: "From a page" });
    expect(agent).toMatchObject({ createdBy: server.workspace.admin.id, createdAt: expect.any(Date) });
    const session = await ws.sessions.create({ agentId: agent.id });
    const says = (message: string) => ({ kind: "message", source: "customer", data: { message } }) as const;
    await ws.events.append(session.id, [says("0"), says("1")]);
    const seen: number[] = [];
    for await (const { offset } of ws.events.stream(session.id)) {
      seen.push(offset);
      if (seen.length === 3) break;
      if (seen.length === 2) await ws.events.append(session.id, says("2"));
    }
    expect(seen).toEqual([0, 1, 2]);
  });

  test("a stream is not held back by compression, and ends at the server when the page goes", async () => {
    const ws = pageClient({ cookie }).workspace(server.workspace.id);
    const agent = await ws.agents.create({ name: "Streamed" });
    const session = await ws.sessions.create({ agentId: agent.id });
    const input = { json: { workspaceId: server.workspace.id, sessionId: session.id } };
    const gone = new AbortController();
    const url = `${page}/api/parlant/api/trpc/workspaces.events.stream?input=${encodeURIComponent(JSON.stringify(input))}`;
    const response = await fetch(url, { headers: { cookie, "accept-encoding": "gzip, br" }, signal: gone.signal });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "private, no-store, no-transform",
    });
    expect(response.headers.has("content-encoding")).toBe(false);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const readUntil = async (wanted: string) => {
      while (!text.includes(wanted)) text += (await reader?.read())?.value;
    };
    await readUntil("event: connected");
    await ws.events.append(session.id, { kind: "message", source: "customer", data: { message: "as it comes" } });
    await readUntil("as it comes");
    const requests = () =>
      new Promise<number>((resolve, reject) =>
        server.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      );
    const before = await requests();
    gone.abort();
    await expect.poll(requests, { timeout: 10_000 }).toBeLessThan(before);
  });

  test("nobody, and pages of other origins, are refused as the server refuses them", async () => {
    const create = (browser: Record<string, string>) =>
      pageClient(browser).workspace(server.workspace.id).agents.create({ name: "Planted" });
    await expect(create({ cookie: "sim_theme=dark" })).rejects.toBeInstanceOf(UnauthorizedError);
    await expect(create({ cookie, origin: "https://evil.example" })).rejects.toBeInstanceOf(ForbiddenError);
    await expect(create({ cookie, "sec-fetch-site": "cross-site" })).rejects.toBeInstanceOf(ForbiddenError);
  });

  test("nothing of the server beside its two interfaces is there, nor a cookie of its own", async () => {
    const status = async (path: string) => (await fetch(`${page}/api/parlant${path}`, { redirect: "manual" })).status;
    for (const path of ["/metrics", "/docs", "/api/v1/..%2f..%2fmetrics", "/api/v1/%252e%252e/%252e%252e/metrics"]) {
      expect([path, await status(path)]).toEqual([path, 404]);
    }
    const health = await fetch(`${page}/api/parlant/api/v1/sim-integration/health`);
    expect([health.status, health.headers.get("set-cookie")]).toEqual([200, null]);
  });
});
