import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { scopeArguments } from "../../../server/db/scope-arguments.ts";

const SOURCE = new URL("../../../server/db/", import.meta.url);
const FILES = ["scope.ts", "scope-filter.ts", "scope-selection.ts", "scope-writes.ts", "scope-arguments.ts", "scoped-models.ts"];

/** A mistake in the scope: in a file the one text in place of the other. */
export type Mutation = readonly [file: string, from: string, to: string][];

/** The server's scope with the mistakes made in a copy of its files. @throws where a text to replace does not stand there once. */
export async function mutatedScope(mutation: Mutation): Promise<typeof scopeArguments> {
  const folder = await mkdtemp(join(tmpdir(), "mutated-scope-"));
  try {
    for (const file of FILES) await copyFile(new URL(file, SOURCE), join(folder, file));
    await writeFile(join(folder, "package.json"), '{"type":"module"}');
    for (const [file, from, to] of mutation) {
      const text = await readFile(join(folder, file), "utf8");
      if (text.split(from).length !== 2) throw new Error(`${file} does not have once: ${from}`);
      await writeFile(
        join(folder, file),
        text.replace(from, () => to),
      );
    }
    const url = pathToFileURL(join(folder, "scope-arguments.ts")).href;
    const { scopeArguments: mutated } = (await import(/* @vite-ignore */ url)) as { scopeArguments: typeof scopeArguments };
    return mutated;
  } finally {
    await rm(folder, { recursive: true });
  }
}
