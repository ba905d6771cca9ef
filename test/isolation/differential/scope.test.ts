import { describe } from "vitest";
import { scopeArguments } from "../../../server/db/scope-arguments.ts";
import { fuzz } from "./fuzz.ts";

describe("with the scope and the keys, without row-level security", () => {
  fuzz("scoped", { scope: scopeArguments, rowLevelSecurity: "off" });
});
