import { z } from "zod";
import { IntegrationHealth } from "../sim-integration/health.ts";
import { Agent, AgentPage, CreateAgentInput, DeletedAgent, UpdateAgentInput } from "../workspaces/agents/schemas.ts";
import { Isolation } from "../workspaces/isolation-schema.ts";

/** The names that answers and bodies go by in the OpenAPI document; any other goes by its operation's. */
export const OUTPUT_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Agent,
  AgentPage,
  DeletedAgent,
  IntegrationHealth,
  Isolation,
};
export const BODY_SCHEMAS: Readonly<Record<string, z.ZodType>> = { CreateAgent: CreateAgentInput, UpdateAgent: UpdateAgentInput };

/** The shape of every error, whatever the status. */
export const ErrorAnswer = z.object({
  error: z.object({
    code: z.string().describe("One of the codes of this API, such as NOT_FOUND"),
    message: z.string().describe("Written for whoever reads it; not to be parsed"),
    details: z.looseObject({}).optional().describe("What is wrong in particular: issues[] of an input, or a finer code"),
  }),
  requestId: z.string().describe("Also the header x-request-id"),
});
