import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** The tests that have to notice a mutant, without those that take turns with chance or with time. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL("../..", import.meta.url)),
    include: [
      "test/db/scope-arguments.test.ts",
      "test/isolation/{scope-refusals,soft-deletion,boundary,layers}.test.ts",
      "test/permissions/{levels,load-permission,revocation,older-sim}.test.ts",
      "test/workspaces/{access,agents}/*.test.ts",
    ],
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
