import type { Event } from "../../generated/schemas.ts";
import type { SessionFilters } from "../../sessions.ts";
import type { Command, CommandContext } from "../command.ts";
import { harmless } from "../harmless.ts";
import { printList } from "../print-list.ts";

const STATUSES = ["active", "completed", "abandoned"] as const;
const PAGE = 100;
const DEFAULT_LINES = 20;

const list: Command = {
  usage: "[--agent <agent id>] [--status <status>] [--limit <n>]",
  summary: "The sessions that the caller can see",
  flags: { agent: "text", status: "text", limit: "text" },
  takes: { min: 0, max: 0 },
  async run(context) {
    const { flags, settings, signal } = context;
    const filters: SessionFilters = { agentId: flags.text("agent"), status: flags.choice("status", STATUSES) };
    await printList(context, settings.workspace().sessions.list(filters, { signal }), {
      heads: ["id", "agent", "title", "status", "events", "last activity"],
      row: ({ id, agentId, title, status, eventCount, lastActivityAt }) => [
        id,
        agentId,
        title,
        status,
        eventCount,
        lastActivityAt,
      ],
    });
    return undefined;
  },
};

const tail: Command = {
  usage: "<session id> [-f | --follow] [-n | --lines <n>]",
  summary: "The last events of a session; with -f also those to come, until Ctrl-C",
  flags: { follow: "switch", lines: "text" },
  async run(context) {
    const { flags, settings, signal, positionals } = context;
    const [id = ""] = positionals;
    const lines = flags.integer("lines", { min: 0, max: 1_000_000 }) ?? DEFAULT_LINES;
    const { sessions, events } = settings.workspace();
    const { eventCount } = await sessions.get(id, { signal });
    let next = Math.max(0, eventCount - lines);
    while (next < eventCount) {
      const { data, nextOffset } = await events.list(id, { minOffset: next, limit: PAGE }, { signal });
      for (const event of data) await print(context, event);
      if (nextOffset === next) break;
      next = nextOffset;
    }
    if (!flags.is("follow")) return undefined;
    for await (const event of events.stream(id, { fromOffset: next, signal })) await print(context, event);
    return undefined;
  },
};

export const sessions = { list, tail } satisfies Record<string, Command>;

async function print({ output }: CommandContext, event: Event): Promise<void> {
  await output.value(event, () => {
    const { createdAt, offset, source, kind, data } = event;
    return `${createdAt.toISOString()}  ${String(offset).padStart(4)}  ${source} ${kind}  ${harmless(textOf(kind, data))}`;
  });
}

/** A message's words; of anything else all that is told. */
function textOf(kind: Event["kind"], data: unknown): string {
  const isMessage = kind === "message" && typeof data === "object" && data !== null && "message" in data;
  return isMessage && typeof data.message === "string" ? data.message : JSON.stringify(data);
}
