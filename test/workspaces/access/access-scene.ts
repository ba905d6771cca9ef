import type { Dependencies } from "../../../server/dependencies.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { callerWith } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestUser } from "../../support/workspace.ts";

/** A server that refuses as often as it is asked to. */
export function startAccessServer(): Promise<TestServer> {
  return startTestServer({ RATE_LIMIT_PER_MINUTE: "0", DENIAL_LIMIT_PER_MINUTE: "0" });
}

export function callsOf(dependencies: Dependencies, { headers }: Pick<TestUser, "headers">) {
  return callerWith(dependencies, headers).workspaces;
}

/** A workspace with an agent that its members see, and one that they do not. */
export async function makeScene(server: TestServer) {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const workspaceId = workspace.id;
  const admins = callsOf(server.dependencies, workspace.admin);
  const { id: open } = await admins.agents.create({ workspaceId, name: "Open" });
  const { id: hidden } = await admins.agents.create({ workspaceId, name: "Hidden", visibility: "restricted" });
  return { ...workspace, workspaceId, open, hidden, admins };
}
