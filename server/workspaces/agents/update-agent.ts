import { recordAudit } from "../../audit/record.ts";
import type { Prisma } from "../../db/generated/client.ts";
import { assertModelAllowed } from "../../permissions/model-policy.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import { AppError } from "../../shared/errors.ts";
import { comparisonKey } from "../../shared/text.ts";
import { afterChange, type LeveledAgent, toAgent } from "./agent-row.ts";
import { completeSessions } from "./complete-sessions.ts";
import { assertLevel } from "./load-agent.ts";
import { nameIsFree } from "./name-is-free.ts";
import type { Agent, UpdateAgentInput } from "./schemas.ts";
import { StaleRowError } from "./stale-row.ts";

/** Changes the fields given and leaves the others; null clears. A version that is no longer the present one changes nothing. */
export async function updateAgent(tx: TransactionContext, agent: LeveledAgent, input: UpdateAgentInput): Promise<Agent> {
  const { workspaceId: _, agentId: __, version, ...fields } = input;
  if (version !== undefined && version !== agent.version) throw versionConflict(version, agent.version);
  if (fields.visibility !== undefined && fields.visibility !== agent.visibility) assertLevel(agent, "manage");
  const changes = changedFields(agent, fields);
  if (Object.keys(changes).length === 0) return toAgent(agent);
  if (changes.modelProvider !== undefined || changes.modelName !== undefined)
    await assertModelAllowed(tx, { ...agent, ...changes });
  const now = new Date(tx.clock.now());
  const [updated] = await nameIsFree(fields.name ?? agent.name, () =>
    tx.db.agent.updateManyAndReturn({
      where: { id: agent.id, version: agent.version },
      // Every field, so that there is one statement to prepare and not one for each choice of fields.
      data: {
        ...changeable(agent),
        ...changes,
        ...(changes.name !== undefined && { nameKey: comparisonKey(changes.name) }),
        ...(changes.status !== undefined && archiveFields(changes.status, now)),
        updatedAt: now,
        version: agent.version + 1,
      },
    }),
  );
  if (!updated) throw new StaleRowError();
  await recordAudit(tx, {
    action: "agent.update",
    target: { kind: "agent", id: agent.id },
    before: Object.fromEntries(Object.keys(changes).map((name) => [name, agent[name as keyof LeveledAgent]])),
    after: changes,
  });
  if (changes.status === "archived") await completeSessions(tx, agent.id, now);
  return toAgent(afterChange(updated, agent));
}

type AgentFields = Omit<UpdateAgentInput, "workspaceId" | "agentId" | "version">;

type Changes = { [Name in keyof AgentFields]?: Exclude<AgentFields[Name], undefined> };

function changedFields(agent: LeveledAgent, fields: AgentFields): Changes {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([name, value]) =>
        value !== undefined &&
        (JSON.stringify(value) !== JSON.stringify(agent[name as keyof LeveledAgent]) || isArchivedByHand(agent, name, value)),
    ),
  );
}

/** Archived with its workspace, it would come back with it; archived by hand as well, it does not. */
function isArchivedByHand(agent: LeveledAgent, name: string, value: unknown): boolean {
  return name === "status" && value === "archived" && agent.archiveReason === "workspace";
}

/** What an update can change, as it is. */
function changeable(agent: LeveledAgent) {
  const { name, nameKey, description, status, visibility, isolationLevel, compositionMode, messageOutputMode } = agent;
  const { maxEngineIterations, systemPrompt, modelProvider, modelName, temperature, maxTokens, tags, metadata } = agent;
  const { archivedAt, archiveReason, statusBeforeArchive } = agent;
  return {
    ...{ name, nameKey, description, status, visibility, isolationLevel, compositionMode, messageOutputMode },
    ...{ maxEngineIterations, systemPrompt, modelProvider, modelName, temperature, maxTokens, tags },
    ...{ metadata: metadata as Prisma.InputJsonValue, archivedAt, archiveReason, statusBeforeArchive },
  };
}

function archiveFields(status: LeveledAgent["status"], now: Date) {
  return status === "archived"
    ? { archivedAt: now, archiveReason: "manual" as const, statusBeforeArchive: null }
    : { archivedAt: null, archiveReason: null, statusBeforeArchive: null };
}

function versionConflict(given: number, current: number): AppError {
  return new AppError("CONFLICT", `The agent has changed: it is at version ${current}, not ${given}`, {
    details: { code: "VERSION_CONFLICT", currentVersion: current },
  });
}
