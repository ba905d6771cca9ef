import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { inject } from "vitest";
import { listSimTableScripts } from "../../../server/db/migration-files.ts";
import { connectInUtc, type TestDatabase } from "../../support/database.ts";
import { asAdmin, urlAs } from "../../support/template.ts";

export const SIMS = ["current", "september-2025"] as const;
export type Sim = (typeof SIMS)[number];

const read = (name: string) => readFile(new URL(`${name}.sql`, import.meta.url), "utf8");

/** A database as Sim made it and people used it, which has never heard of us. */
export async function makeExistingSim(sim: Sim): Promise<TestDatabase> {
  const template = inject("databaseTemplate");
  const name = `${template.prefix}_${randomBytes(6).toString("hex")}`;
  await asAdmin(template.adminUrl, (admin) =>
    admin.query(`CREATE DATABASE ${name} OWNER ${template.owner.name} TEMPLATE template0 ENCODING 'UTF8'`),
  );
  const ownerUrl = urlAs(template, template.owner, name);
  const owner = await connectInUtc(ownerUrl);
  const own = sim === "current" ? (await listSimTableScripts()).map(({ script }) => script) : [await read("september-2025")];
  for (const script of [...own, await read("beyond-ours"), await read("odd-data"), await read(`odd-workspaces-${sim}`)]) {
    await owner.query(script);
  }
  return {
    appUrl: urlAs(template, template.app, name),
    ownerUrl,
    superuserUrl: urlAs(template, undefined, name),
    owner,
    async drop() {
      await owner.end();
      await asAdmin(template.adminUrl, (admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`));
    },
  };
}
