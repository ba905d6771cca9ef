import type { Command } from "./command.ts";

const COMMON = `Everywhere:
  --url <url>             the server; else SIM_PARLANT_URL, else http://localhost:8001
  -w, --workspace <id>    else SIM_WORKSPACE_ID
  --json                  one JSON value, or one on each line
  --timeout <seconds>     for each call; 30 unless given
  --quiet                 nothing on standard error but errors
  -h, --help

Credentials stand in the environment alone: SIM_API_KEY, or SIM_TOKEN (a session's signed token or an access token);
SIM_WEBHOOK_SECRET for webhooks send.

Exit codes: 0 done; 1 failed, or found not valid or unhealthy; 2 used wrongly, nothing was done; 3 not signed in, not
allowed or not found; 4 not reached, too many calls or not available at the moment: try later; 130 Ctrl-C; 143 ended.`;

/** How all commands are written, or those whose names begin so. */
export function usageOf(commands: Readonly<Record<string, Command>>, prefix = ""): string {
  const shown = Object.entries(commands).filter(([name]) => `${name} `.startsWith(`${prefix} `) || prefix === "");
  const lines = shown.map(
    ([name, { usage, summary }]) => `  parlant-client ${[name, usage].join(" ").trimEnd()}\n      ${summary}`,
  );
  return `Usage:\n${lines.join("\n")}\n\n${COMMON}`;
}
