import { fileURLToPath } from "node:url";
import { defineConfig } from "prisma/config";

// Generate, validate and format never run the schema engine, but the CLI would download one unless a file is named.
process.env["PRISMA_SCHEMA_ENGINE_BINARY"] ??= fileURLToPath(import.meta.url);

export default defineConfig({
  schema: "schema",
  migrations: { path: "migrations" },
  experimental: { externalTables: true },
  tables: {
    external: [
      "public.user",
      "public.session",
      "public.verification",
      "public.organization",
      "public.member",
      "public.workspace",
      "public.permissions",
      "public.api_key",
      // The job queue's, which its library defines.
      ...["bam", "instance", "job", "job_common", "job_dependency", "queue", "queue_stats"].map((table) => `parlant.${table}`),
      // Reached by statements of its own.
      "parlant.parlant_used_token",
      ...["schedule", "subscription", "version", "warning"].map((table) => `parlant.${table}`),
    ],
  },
  enums: { external: ["public.permission_type", "parlant.job_state"] },
});
