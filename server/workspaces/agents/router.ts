import { agentProcedure, workspaceProcedure } from "../../trpc/procedures.ts";
import { toAgent } from "./agent-row.ts";
import { createAgent } from "./create-agent.ts";
import { deleteAgent } from "./delete-agent.ts";
import { grantsRouter } from "./grants/router.ts";
import { listAgents } from "./list-agents.ts";
import { restoreAgent } from "./restore-agent.ts";
import { Agent, AgentPage, AgentRef, CreateAgentInput, DeletedAgent, ListAgentsInput, UpdateAgentInput } from "./schemas.ts";
import { updateAgent } from "./update-agent.ts";

export const agentsRouter = {
  create: workspaceProcedure("agent:create", "Creates an agent in the workspace.")
    .input(CreateAgentInput)
    .output(Agent)
    .mutation(({ ctx, input }) => createAgent(ctx, input)),

  list: workspaceProcedure("agent:list", "Lists the workspace's agents that the caller can see.")
    .input(ListAgentsInput)
    .output(AgentPage)
    .query(({ ctx, input }) => listAgents(ctx, input)),

  get: agentProcedure("agent:get", "Returns one agent.", { isCounted: true })
    .input(AgentRef)
    .output(Agent)
    .query(({ agent }) => toAgent(agent)),

  update: agentProcedure("agent:update", "Changes the given fields of an agent; null clears one, an absent one stays.", {
    isCounted: true,
  })
    .input(UpdateAgentInput)
    .output(Agent)
    .mutation(({ ctx, agent, input }) => updateAgent(ctx, agent, input)),

  delete: agentProcedure("agent:delete", "Deletes an agent; it answers 404 from then on and can be restored until it is purged.")
    .input(AgentRef)
    .output(DeletedAgent)
    .mutation(({ ctx, agent }) => deleteAgent(ctx, agent)),

  restore: agentProcedure("agent:restore", "Restores a deleted agent as it was.", { isDeletedIncluded: true, isCounted: true })
    .input(AgentRef)
    .output(Agent)
    .mutation(({ ctx, agent }) => restoreAgent(ctx, agent)),

  grants: grantsRouter,
};
