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

/** Locks that only a deletion of endpoints waits for. */
export interface EndpointLocks {
  /** The enabled endpoints with one of the subscriptions; none of them can be deleted until the transaction ends. */
  lockEndpoints(subscriptions: readonly string[]): Promise<string[]>;
  /** Whether the endpoint is there; it cannot be deleted until the transaction ends. */
  holdEndpoint(id: string): Promise<boolean>;
}

/** KEY SHARE: what refers to an endpoint's key waits for no change of the endpoint. */
export function endpointLocks(tx: RawPrisma, workspaceId: string): EndpointLocks {
  return {
    async lockEndpoints(subscriptions) {
      const rows = await tx.$queryRaw<{ id: string }[]>`select id::text from parlant.parlant_webhook_endpoint
        where workspace_id = ${workspaceId} and is_enabled and event_types && ${subscriptions}::text[] order by id for key share`;
      return rows.map(({ id }) => id);
    },
    async holdEndpoint(id) {
      const rows = await tx.$queryRaw<object[]>`select 1 as held from parlant.parlant_webhook_endpoint
        where workspace_id = ${workspaceId} and id = ${id}::uuid for key share`;
      return rows.length > 0;
    },
  };
}

/** Takes a lock of this name for the rest of the transaction, unless another transaction holds it; says whether it did. */
export async function tryLock(tx: RawPrisma, name: readonly string[]): Promise<boolean> {
  const key = hash("sha256", JSON.stringify(name), "buffer").readBigInt64BE();
  const rows = await tx.$queryRaw<{ taken: boolean }[]>`select pg_try_advisory_xact_lock(${key}) as taken`;
  return rows[0]?.taken === true;
}
