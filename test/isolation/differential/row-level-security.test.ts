import { describe } from "vitest";
import { fuzz } from "./fuzz.ts";

// Sim's own tables are outside of row-level security: they are the same in both databases, so that only ours can differ.
describe("with row-level security and the keys, without the scope", () => {
  fuzz("raw", { scope: "off", rowLevelSecurity: "granted" });
});
