import { accessChecks } from "./checks/access.ts";
import { agentChecks } from "./checks/agents.ts";
import { eventChecks } from "./checks/events.ts";
import { guidelineChecks } from "./checks/guidelines.ts";
import { isolationChecks } from "./checks/isolation.ts";
import { refusalChecks } from "./checks/refusals.ts";
import { repetitionChecks } from "./checks/repetition.ts";
import { sessionChecks } from "./checks/sessions.ts";

/** What the server and the fake of it have to pass alike. */
export const SUITE = {
  isolation: isolationChecks,
  refusals: refusalChecks,
  access: accessChecks,
  agents: agentChecks,
  guidelines: guidelineChecks,
  sessions: sessionChecks,
  events: eventChecks,
  repetition: repetitionChecks,
};
