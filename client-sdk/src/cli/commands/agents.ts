import type { AgentChanges, AgentFilters, NewAgent } from "../../agents.ts";
import type { Agent } from "../../generated/schemas.ts";
import type { Command, CommandContext } from "../command.ts";
import { UsageError } from "../exit-codes.ts";
import type { FlagKind } from "../flags.ts";
import { readDataObject } from "../input-object.ts";
import { printList } from "../print-list.ts";
import { toPairs } from "../table.ts";

const STATUSES = ["active", "inactive", "archived"] as const;
const FIELDS: Readonly<Record<string, FlagKind>> = {
  ...{ name: "text", description: "text", status: "text", "system-prompt": "text", model: "text", provider: "text" },
  ...{ temperature: "text", "max-tokens": "text", tag: "texts", data: "text" },
};

const list: Command = {
  usage: "[--status <status>] [--search <text>] [--tag <tag>] [--limit <n>]",
  summary: "The agents that the caller can see",
  flags: { status: "text", search: "text", tag: "text", limit: "text" },
  takes: { min: 0, max: 0 },
  async run(context) {
    const { flags, settings, signal } = context;
    const filters: AgentFilters = {
      status: flags.choice("status", STATUSES),
      search: flags.text("search"),
      tag: flags.text("tag"),
    };
    await printList(context, settings.workspace().agents.list(filters, { signal }), {
      heads: ["id", "name", "status", "level", "sessions", "updated"],
      row: ({ id, name, status, accessLevel, stats, updatedAt }) => [
        id,
        name,
        status,
        accessLevel,
        stats.totalSessions,
        updatedAt,
      ],
    });
    return undefined;
  },
};

const get: Command = {
  usage: "<agent id>",
  summary: "One agent",
  run: async (context) => print(context, await agentsOf(context).get(idOf(context), context)),
};

const create: Command = {
  usage: "--name <name> [--description …] [--tag … --tag …] [--temperature …] [--data <file.json | ->]",
  summary: "Creates an agent, of a JSON object and flags; a flag goes before the object",
  flags: FIELDS,
  takes: { min: 0, max: 0 },
  async run(context) {
    const fields = await readFields(context);
    if (typeof fields["name"] !== "string") throw new UsageError("An agent needs --name");
    return print(context, await agentsOf(context).create(fields as NewAgent, context));
  },
};

const update: Command = {
  usage: "<agent id> [--name …] [--status …] [--version <n>] [--data <file.json | ->]",
  summary: "Changes the given fields of an agent; with --version, only if it is still at that one",
  flags: { ...FIELDS, version: "text" },
  async run(context) {
    const version = context.flags.integer("version", { min: 1, max: 2_147_483_647 });
    const fields = await readFields(context);
    if (Object.keys(fields).length === 0) throw new UsageError("Nothing to change was given");
    const changes = { ...fields, ...(version !== undefined && { version }) } as AgentChanges;
    return print(context, await agentsOf(context).update(idOf(context), changes, context));
  },
};

const remove: Command = {
  usage: "<agent id>",
  summary: "Deletes an agent; until it is purged, the API can restore it",
  async run(context) {
    const deleted = await agentsOf(context).delete(idOf(context), context);
    await context.output.value(deleted, () => toPairs([...Object.entries(deleted)].filter(([name]) => name !== "isolation")));
    return undefined;
  },
};

export const agents = { list, get, create, update, delete: remove } satisfies Record<string, Command>;

function agentsOf({ settings }: CommandContext) {
  return settings.workspace().agents;
}

function idOf({ positionals: [id = ""] }: CommandContext): string {
  return id;
}

async function readFields(context: CommandContext): Promise<Record<string, unknown>> {
  const { flags } = context;
  const given = {
    name: flags.text("name"),
    description: flags.text("description"),
    status: flags.choice("status", STATUSES),
    systemPrompt: flags.text("system-prompt"),
    modelName: flags.text("model"),
    modelProvider: flags.text("provider"),
    temperature: flags.number("temperature"),
    maxTokens: flags.integer("max-tokens", { min: 1, max: 100_000 }),
    tags: flags.texts("tag"),
  };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...(await readDataObject(context)), ...Object.fromEntries(known) };
}

async function print({ output }: CommandContext, agent: Agent): Promise<undefined> {
  await output.value(agent, () => toPairs(Object.entries(agent)));
}
