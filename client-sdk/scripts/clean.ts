import { rm } from "node:fs/promises";

// A file that is no longer built must not stay in the package.
await rm(new URL("../dist/", import.meta.url), { recursive: true, force: true });
