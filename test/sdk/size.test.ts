import { expect, test } from "vitest";
import { bundle, gzipped, sourceOf } from "./bundle.ts";

/** What an entry may weigh, gzipped, with all that it brings along. */
const LIMITS = {
  "index.ts": { names: "createClient, SimParlantError", maxBytes: 15_000, external: [] },
  "next/index.ts": { names: "createParlantRoute", maxBytes: 2_500, external: [] },
  // Beside what a page has already: React and TanStack Query.
  "react/index.ts": {
    names: "workspaceOptions, useSessionEvents",
    maxBytes: 4_000,
    external: ["react", "@tanstack/react-query"],
  },
};

for (const [entry, { names, maxBytes, external }] of Object.entries(LIMITS)) {
  test(`${entry} weighs at most ${maxBytes} bytes, and needs nothing of Node's`, async () => {
    const code = await bundle(names, sourceOf(entry), external);
    expect(code).not.toMatch(/\brequire\(|\bBuffer\b|node:/);
    expect(gzipped(code)).toBeLessThanOrEqual(maxBytes);
    // The control: it is not that nothing was measured.
    expect(gzipped(code)).toBeGreaterThan(maxBytes / 2);
  });
}
