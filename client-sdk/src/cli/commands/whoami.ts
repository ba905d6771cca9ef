import type { Command } from "../command.ts";
import { toTable } from "../table.ts";

export const whoami: Command = {
  usage: "",
  summary: "Who calls, and with what permission in each workspace (--workspace may be given several times)",
  takes: { min: 0, max: 0 },
  async run({ settings, output, signal }) {
    const client = settings.client();
    const found = [];
    for (const id of settings.workspaceIds()) found.push(await client.workspace(id).access.me({ signal }));
    if (output.isJson) {
      for (const access of found) await output.value(access, () => "");
      return undefined;
    }
    const rows = found.map(({ workspaceId, principal, permission, levels }) => [
      ...[workspaceId, principal.kind, principal.userId ?? principal.id, permission, levels.workspace],
    ]);
    await output.text(`${toTable(["workspace", "as", "id", "permission", "on agents"], rows)}\n`);
    return undefined;
  },
};
