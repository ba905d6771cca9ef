import { recordAudit } from "../../audit/record.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import { agentNotFound } from "../../shared/errors.ts";
import { afterChange, type LeveledAgent, toAgent } from "./agent-row.ts";
import { nameIsFree } from "./name-is-free.ts";
import type { Agent } from "./schemas.ts";
import { StaleRowError } from "./stale-row.ts";

/** Brings a deleted agent back as it was, within the time that deleted agents are kept; one that is not deleted stays as it is. */
export async function restoreAgent(tx: TransactionContext, agent: LeveledAgent): Promise<Agent> {
  if (agent.deletedAt === null) return toAgent(agent);
  const nowMs = tx.clock.now();
  if (agent.deletedAt.getTime() + tx.settings.agentRetentionMs <= nowMs) throw agentNotFound();
  const [restored] = await nameIsFree(agent.name, () =>
    tx.db.agent.updateManyAndReturn({
      where: { id: agent.id, version: agent.version, deletedAt: { not: null } },
      data: { deletedAt: null, updatedAt: new Date(nowMs), version: agent.version + 1 },
    }),
  );
  if (!restored) throw new StaleRowError();
  await recordAudit(tx, { action: "agent.restore", target: { kind: "agent", id: agent.id }, after: { name: agent.name } });
  return toAgent(afterChange(restored, agent));
}
