import type pg from "pg";
import { deriveBoundaryKeys, signBoundary } from "../../server/isolation/boundary.ts";

/** Changes rows of ours as the tables' owner can: with row-level security not forced for as long as it takes. */
export async function changePastTheServer(owner: pg.Client, text: string, values: unknown[] = []): Promise<void> {
  const [, table] = /(parlant\.\w+)/.exec(text) ?? [];
  await owner.query("begin");
  try {
    await owner.query(`alter table ${table} no force row level security`);
    await owner.query(text, values);
    await owner.query(`alter table ${table} force row level security`);
    await owner.query("commit");
  } catch (error) {
    await owner.query("rollback");
    throw error;
  }
}

/** Reads rows of one workspace as the owner. */
export async function readPastTheServer<Row extends object>(owner: pg.Client, workspaceId: string, text: string): Promise<Row[]> {
  await owner.query("begin");
  try {
    await owner.query("select parlant.parlant_enter_system($1, 'test')", [workspaceId]);
    return (await owner.query(text)).rows as Row[];
  } finally {
    await owner.query("commit");
  }
}

/** Signs an agent of a workspace under another root secret, as whoever knows it could. */
export async function signAgent(owner: pg.Client, secret: string, workspaceId: string, agentId: string): Promise<void> {
  const [state] = await readPastTheServer<{ key_salt: Buffer }>(
    owner,
    workspaceId,
    "select key_salt from parlant.parlant_workspace_state",
  );
  const [agent] = await readPastTheServer<{ created_at: Date }>(
    owner,
    workspaceId,
    `select created_at from parlant.parlant_agent where id = '${agentId}'`,
  );
  if (!state || !agent) throw new Error(`There is no agent ${agentId} in ${workspaceId}`);
  const keys = deriveBoundaryKeys([secret], state.key_salt);
  const { boundary, boundaryKeyVersion } = signBoundary(keys, {
    kind: "agent",
    workspaceId,
    id: agentId,
    createdAt: agent.created_at,
  });
  await changePastTheServer(owner, "update parlant.parlant_agent set boundary = $2, boundary_key_version = $3 where id = $1", [
    agentId,
    boundary,
    boundaryKeyVersion,
  ]);
}
