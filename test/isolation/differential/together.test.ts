import { describe } from "vitest";
import { scopeArguments } from "../../../server/db/scope-arguments.ts";
import { fuzz } from "./fuzz.ts";

describe("with the scope, row-level security and the server's own privileges together", () => {
  fuzz("scoped", { scope: scopeArguments, rowLevelSecurity: "production" });
});
