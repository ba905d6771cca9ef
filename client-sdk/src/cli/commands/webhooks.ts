import type { PermissionUpdate, WorkspaceEvent } from "../../webhooks/events.ts";
import { createSender } from "../../webhooks/send.ts";
import type { Command, CommandContext } from "../command.ts";
import { UsageError } from "../exit-codes.ts";
import { readDataObject } from "../input-object.ts";
import { usable } from "../settings.ts";
import { toPairs } from "../table.ts";

const EVENT_TYPES = [
  ...["workspace_created", "workspace_updated", "workspace_deleted", "workspace_archived", "workspace_restored"],
  ...["workspace_permissions_updated", "workspace_member_added", "workspace_member_removed", "workspace_ownership_transferred"],
];
const PERMISSION_UPDATE = "permission_update";

const send: Command = {
  usage:
    "<event type | permission_update> [--data <file.json | ->] [--user <id>] [--permission read|write|admin|none] [--id <delivery id>]",
  summary: "Tells the server what happened in Sim, signed with SIM_WEBHOOK_SECRET; --data is the event's data",
  flags: { data: "text", user: "text", permission: "text", by: "text", id: "text" },
  async run(context) {
    const { settings, output, flags, signal } = context;
    const secret = settings.webhookSecrets();
    const event = await readEvent(context);
    const sender = usable(() => createSender({ baseUrl: settings.baseUrl, secret }));
    const sent = await sender.send(event, { signal, id: flags.text("id") });
    await output.value(sent, () => toPairs(Object.entries(sent)));
    return undefined;
  },
};

export const webhooks = { send } satisfies Record<string, Command>;

async function readEvent(context: CommandContext): Promise<WorkspaceEvent | PermissionUpdate> {
  const { flags, settings, positionals } = context;
  const [type = ""] = positionals;
  const [workspaceId = "", ...others] = settings.workspaceIds();
  if (others.length > 0) throw new UsageError("This command is for one workspace");
  const user = flags.text("user");
  if (type === PERMISSION_UPDATE) {
    const permission = flags.choice("permission", ["read", "write", "admin", "none"]);
    if (user === undefined || permission === undefined) throw new UsageError(`${type} needs --user and --permission`);
    return {
      ...{ workspace_id: workspaceId, user_id: user, updated_by: flags.text("by") ?? null },
      new_permission: permission === "none" ? null : permission,
    };
  }
  if (!EVENT_TYPES.includes(type))
    throw new UsageError(`Unknown event; one of ${[...EVENT_TYPES, PERMISSION_UPDATE].join(", ")}`);
  const data = { ...(await readDataObject(context)), ...(user !== undefined && { user_id: user }) };
  return { event_type: type, workspace_id: workspaceId, triggered_by: flags.text("by") ?? null, data } as WorkspaceEvent;
}
