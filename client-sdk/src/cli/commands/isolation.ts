import type { Command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { harmless } from "../harmless.ts";
import { toTable } from "../table.ts";

const health: Command = {
  usage: "",
  summary: "How well the workspace is isolated at this moment, check by check; exit code 1 where it is unhealthy",
  takes: { min: 0, max: 0 },
  async run({ settings, output, signal }) {
    const found = await settings.workspace().isolation.health({ signal });
    await output.value(found, () => {
      const rows = found.checks.map(({ name, status, message }) => [name, status, message]);
      return [harmless(found.status), ...found.reasons.map(harmless), toTable(["check", "status", "message"], rows)].join("\n");
    });
    return found.status === "unhealthy" ? EXIT.failed : EXIT.done;
  },
};

export const isolation = { health } satisfies Record<string, Command>;
