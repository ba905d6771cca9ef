import type { RunningServer } from "./start-server.ts";

/** Says where the server answers and, with the embedded database, how to make the first call. */
export function printBanner({ url, embedded }: RunningServer): void {
  const lines = ["", `Sim Parlant server: ${url}`, `  REST  ${url}/api/v1`, `  tRPC  ${url}/api/trpc`, `  Docs  ${url}/docs`, ""];
  if (embedded) {
    const { workspaceId } = embedded.demo;
    const { demoApiKey } = embedded.secrets;
    lines.push(
      `Demo workspace: ${workspaceId}`,
      "",
      `curl -s -H 'x-api-key: ${demoApiKey}' ${url}/api/v1/workspaces/${workspaceId}/agents`,
      "",
      'import { createClient } from "@sim/parlant-client";',
      `const sim = createClient({ baseUrl: "${url}", apiKey: "${demoApiKey}" });`,
      `for await (const agent of sim.workspace("${workspaceId}").agents.list()) console.log(agent.name);`,
      "",
    );
  }
  console.log(lines.join("\n"));
}
