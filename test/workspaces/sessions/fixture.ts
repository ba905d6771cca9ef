import type { Dependencies } from "../../../server/dependencies.ts";
import type { TestDatabase } from "../../support/database.ts";
import { callerWith } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestUser } from "../../support/workspace.ts";

/** A workspace with its people, an agent that the admin made, and calls as anyone. */
export async function makeSessionWorld(
  database: TestDatabase,
  dependencies: Dependencies,
  agent: { isolationLevel?: "workspace" } = {},
) {
  const workspace = await makeStaffedWorkspace(database.owner);
  const workspaceId = workspace.id;
  const as = (user: Pick<TestUser, "headers">, headers: Record<string, string> = {}) =>
    callerWith(dependencies, { ...user.headers, ...headers }).workspaces;
  const agents = as(workspace.admin).agents;
  const { id: agentId } = await agents.create({ workspaceId, name: "Support", ...agent });
  return {
    ...workspace,
    workspaceId,
    agentId,
    as,
    open: (user: Pick<TestUser, "headers">, fields: object = {}) => as(user).sessions.create({ workspaceId, agentId, ...fields }),
    statsOf: async () => (await agents.get({ workspaceId, agentId })).stats,
  };
}

/** A message as a customer writes it. */
export function says(message: string) {
  return { kind: "message" as const, source: "customer" as const, data: { message } };
}
