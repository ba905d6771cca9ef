import type { Hints } from "../../db/hints.ts";
import { passed, type Verdict, warning } from "./verdict.ts";

/** Whether this instance hears what others have changed; all is found out without that, a little later. */
export function checkHints(hints: Pick<Hints, "state">): Verdict {
  switch (hints.state().state) {
    case "listening":
      return passed("This instance hears the others");
    case "off":
      return warning(
        "The database is reached through a pooler that lends sessions, so that instances do not hear each other",
        "Nothing has to be done; with a direct connection caches are cleared and streams woken at once",
      );
    case "idle":
    case "starting":
      return warning("This instance does not hear the others yet", "Ask again in a moment");
    case "lost":
      return warning("This instance has lost the connection on which it hears the others", "It is made anew by itself");
  }
}
