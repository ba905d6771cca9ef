import { glob, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { type Consumer, installConsumer } from "../consumer.ts";
import { openPage } from "./page.ts";

const MAIN = `
import { createRoot } from "react-dom/client";
import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { createClient, type Agent } from "@sim/parlant-client";
import { serializingOptions, workspaceOptions } from "@sim/parlant-client/react";

declare const settings: { baseUrl: string; apiKey: string; workspaceId: string };
const sim = createClient(settings);

function Agents() {
  const { data, error } = useQuery(workspaceOptions(sim, settings.workspaceId).agents.list.queryOptions());
  if (error) return <p>{error.code}</p>;
  return <p>{data?.data.map(({ name, createdAt }: Agent) => name + " of " + createdAt.getUTCFullYear()).join() ?? "reading"}</p>;
}
const client = new QueryClient({ defaultOptions: serializingOptions });
createRoot(document.querySelector("#app")!).render(<QueryClientProvider client={client}><Agents /></QueryClientProvider>);
`;

let server: TestServer;
let consumer: Consumer;
beforeAll(async () => {
  server = await startTestServer();
  consumer = await installConsumer("react", "react-dom", "@tanstack/react-query", "@types/react", "@types/react-dom");
  await writeFile(join(consumer.dir, "package.json"), JSON.stringify({ name: "page", type: "module", private: true }));
  await writeFile(join(consumer.dir, "index.html"), '<div id="app"></div><script type="module" src="/main.tsx"></script>');
  await writeFile(join(consumer.dir, "main.tsx"), MAIN);
}, 120_000);
afterAll(async () => {
  await consumer?.remove();
  await server?.stop();
});

test("a page of React's, built by Vite from the packed client, compiles, and shows what the server has", async () => {
  const compilerOptions = {
    ...{ target: "ES2022", module: "esnext", moduleResolution: "bundler", lib: ["ES2022", "DOM"], types: [] },
    ...{ strict: true, skipLibCheck: false, noEmit: true, jsx: "react-jsx" },
  };
  await writeFile(join(consumer.dir, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["main.tsx"] }));
  expect(await consumer.run("tsc", "-p", ".", "--pretty", "false")).toEqual({ exitCode: 0, output: "" });

  await build({ configFile: false, root: consumer.dir, logLevel: "silent", mode: "production" });
  const scripts: string[] = [];
  for await (const script of glob("dist/assets/index-*.js", { cwd: consumer.dir })) scripts.push(script);
  expect(scripts.length).toBe(1);

  const { url: baseUrl, apiKey, workspace } = server;
  const page = await openPage();
  page.put('<div id="app"></div>');
  Object.assign(globalThis, { settings: { baseUrl, apiKey, workspaceId: workspace.id } });
  const { createClient } = await import("../../../client-sdk/src/index.ts");
  const { createdAt } = await createClient({ baseUrl, apiKey }).workspace(workspace.id).agents.create({ name: "Shown" });
  await import(pathToFileURL(join(consumer.dir, scripts[0] ?? "")).href);
  await expect.poll(page.text).toBe(`Shown of ${createdAt.getUTCFullYear()}`);
  await page.leave();
});
