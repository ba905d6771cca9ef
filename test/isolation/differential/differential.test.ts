import { describe } from "vitest";
import { scopeArguments } from "../../../server/db/scope-arguments.ts";
import { fuzz } from "./fuzz.ts";

// Side by side, as each waits for its database most of the time.
describe.concurrent("no sequence of calls is answered otherwise because other workspaces exist, and none changes them", () => {
  fuzz("with the scope and the keys, without row-level security", "scoped", { scope: scopeArguments, rowLevelSecurity: "off" });
  // Sim's own tables are outside of row-level security: they are the same in both databases, so that only ours can differ.
  fuzz("with row-level security and the keys, without the scope", "raw", { scope: "off", rowLevelSecurity: "granted" });
  fuzz("with all of them and the server's own privileges", "scoped", { scope: scopeArguments, rowLevelSecurity: "production" });
});
