import { createClient, type SimClient } from "../create-client.ts";
import type { Workspace } from "../workspace.ts";
import { UsageError } from "./exit-codes.ts";
import type { Flags } from "./flags.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_URL = "http://localhost:8001";

/** What the flags and the environment say, a flag before a variable; a secret stands in the environment alone. */
export interface Settings {
  baseUrl: string;
  client(): SimClient;
  /** @throws UsageError where none or several are named */
  workspace(): Workspace;
  /** @throws UsageError where none is named */
  workspaceIds(): string[];
  webhookSecrets(): string[];
}

export function readSettings(flags: Flags, environment: Environment): Settings {
  const baseUrl = flags.text("url") ?? variable(environment, "SIM_PARLANT_URL") ?? DEFAULT_URL;
  const timeoutSeconds = flags.integer("timeout", { min: 1, max: 86_400 });
  const client = () => {
    const apiKey = variable(environment, "SIM_API_KEY");
    const token = variable(environment, "SIM_TOKEN");
    if (apiKey !== undefined && token !== undefined) throw new UsageError("Set one of SIM_API_KEY and SIM_TOKEN");
    if (apiKey === undefined && token === undefined) {
      throw new UsageError("Set SIM_API_KEY to an API key of Sim's, or SIM_TOKEN to a session's token");
    }
    const common = { baseUrl, ...(timeoutSeconds !== undefined && { timeoutMs: timeoutSeconds * 1_000 }) };
    return usable(() => createClient(apiKey === undefined ? { ...common, token: token ?? "" } : { ...common, apiKey }));
  };
  const workspaceIds = () => {
    const named = flags.texts("workspace") ?? listOf(variable(environment, "SIM_WORKSPACE_ID"));
    if (named.length === 0) throw new UsageError("Name a workspace: --workspace <id>, or SIM_WORKSPACE_ID");
    return named;
  };
  return {
    baseUrl,
    client,
    workspaceIds,
    workspace() {
      const [id = "", ...others] = workspaceIds();
      if (others.length > 0) throw new UsageError("This command is for one workspace");
      return client().workspace(id);
    },
    webhookSecrets() {
      const secrets = listOf(variable(environment, "SIM_WEBHOOK_SECRET"));
      if (secrets.length === 0) throw new UsageError("Set SIM_WEBHOOK_SECRET to the secret that the server has");
      return secrets;
    },
  };
}

/** @throws UsageError in place of the client's own refusal of its options, which quotes no secret */
export function usable<Result>(make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function variable(environment: Environment, name: string): string | undefined {
  const value = environment[name]?.trim();
  return value === "" ? undefined : value;
}

function listOf(text: string | undefined): string[] {
  return (text ?? "").split(",").flatMap((part) => part.trim() || []);
}
