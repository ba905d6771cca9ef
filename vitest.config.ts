import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What is waited for comes at once or never; a busy machine may take a second for it.
    expect: { poll: { timeout: 10_000 } },
    pool: "forks",
  },
});
