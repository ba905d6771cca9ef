import type { TestProject } from "vitest/node";
import { startDatabaseServer } from "./database-server.ts";
import { createTemplate, type DatabaseTemplate, dropTemplate } from "./template.ts";

declare module "vitest" {
  export interface ProvidedContext {
    databaseTemplate: DatabaseTemplate;
  }
}

/** One database server and one template database for the run; every test file copies the template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
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
