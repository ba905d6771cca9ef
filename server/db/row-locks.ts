import { hash } from "node:crypto";
import type { PrismaClient } from "./generated/client.ts";

type RawPrisma = Pick<PrismaClient, "$queryRaw">;

/** NO KEY UPDATE: grants refer to the agent's key, and may go on being read. */
export async function lockAgent(tx: RawPrisma, workspaceId: string, agentId: string): Promise<void> {
  await tx.$queryRaw`select 1 as locked from parlant.parlant_agent
    where workspace_id = ${workspaceId} and id = ${agentId}::uuid for no key update`;
}

/** Shared with all who need the agent to stay as it is; a transaction that changes it waits for them. */
export async function shareAgent(tx: RawPrisma, workspaceId: string, agentId: string): Promise<void> {
  await tx.$queryRaw`select 1 as locked from parlant.parlant_agent
    where workspace_id = ${workspaceId} and id = ${agentId}::uuid for share`;
}

/** NO KEY UPDATE, as an append takes it too. */
export async function lockSession(tx: RawPrisma, workspaceId: string, sessionId: string): Promise<void> {
  await tx.$queryRaw`select 1 as locked from parlant.parlant_session
    where workspace_id = ${workspaceId} and id = ${sessionId}::uuid for no key update`;
}

/** NO KEY UPDATE: answers kept for repeated requests refer to the state's key, and may go on being written. */
export async function lockState(tx: RawPrisma, workspaceId: string): Promise<void> {
  await tx.$queryRaw`select 1 as locked from parlant.parlant_workspace_state
    where workspace_id = ${workspaceId} for no key update`;
}

/** Takes a lock of this name for the rest of the transaction, unless another transaction holds it; says whether it did. */
export async function tryLock(tx: RawPrisma, name: readonly string[]): Promise<boolean> {
  const key = hash("sha256", JSON.stringify(name), "buffer").readBigInt64BE();
  const rows = await tx.$queryRaw<{ taken: boolean }[]>`select pg_try_advisory_xact_lock(${key}) as taken`;
  return rows[0]?.taken === true;
}
