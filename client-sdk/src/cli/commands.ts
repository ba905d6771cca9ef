import type { Command } from "./command.ts";
import { agents } from "./commands/agents.ts";
import { analytics } from "./commands/analytics.ts";
import { audit } from "./commands/audit.ts";
import { isolation } from "./commands/isolation.ts";
import { sessions } from "./commands/sessions.ts";
import { webhooks } from "./commands/webhooks.ts";
import { whoami } from "./commands/whoami.ts";

const GROUPS: Readonly<Record<string, Readonly<Record<string, Command>>>> = {
  agents,
  sessions,
  analytics,
  audit,
  webhooks,
  isolation,
};

/** Every command by its name, of one word or two. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  whoami,
  ...Object.fromEntries(
    Object.entries(GROUPS).flatMap(([group, commands]) =>
      Object.entries(commands).map(([name, command]) => [`${group} ${name}`, command]),
    ),
  ),
};
