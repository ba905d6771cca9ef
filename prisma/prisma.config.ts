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
    ],
  },
  enums: { external: ["public.permission_type"] },
});
