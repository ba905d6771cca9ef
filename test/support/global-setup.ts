import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { startDatabaseServer } from "./database-server.ts";
import { createTemplate, type DatabaseTemplate, dropTemplate } from "./template.ts";

declare module "vitest" {
  export interface ProvidedContext {
    databaseTemplate: DatabaseTemplate;
  }
}

const client = (path: string) => fileURLToPath(new URL(`../../client-sdk/${path}`, import.meta.url));

/** The client's generated sources, and one database server and one template database for the run; every file copies the template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // What the client has of the server's sources is in no clone; a type check and a build write it anew.
  if (!existsSync(client("src/generated/server-rules.ts"))) {
    await promisify(execFile)(process.execPath, [client("scripts/generate-types.ts")]);
  }
  const server = await startDatabaseServer(process.env);
  try {
    const template = await createTemplate(server.adminUrl);
    project.provide("databaseTemplate", template);
    return () => dropTemplate(template).finally(server.stop);
  } catch (error) {
    await server.stop();
    throw error;
  }
}
