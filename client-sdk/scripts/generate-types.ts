import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { bundleRules } from "./bundle-rules.ts";
import { exportedSchemas, nameSchemas } from "./named-schemas.ts";
import { namesIn, printRouters } from "./print-procedures.ts";
import { printParsedInputs, printSchemas } from "./print-schemas.ts";
import { readProcedureTree } from "./procedure-tree.ts";

const BANNER = "// Generated from the server's router; `npm run generate` in client-sdk writes it anew.\n\n";
const target = new URL("../src/generated/", import.meta.url);

const tree = readProcedureTree();
const exported = await exportedSchemas(new URL("../../server/router.ts", import.meta.url));
const names = nameSchemas(tree, exported);
const schemas = await printSchemas(tree, names);
const calls = printRouters(tree, schemas, "calls");
const router = printRouters(tree, schemas, "router");

function importTypes(source: string, extra: string): string {
  return `${extra}import type { ${namesIn(source, schemas.source).join(", ")} } from "./schemas.ts";\n\n`;
}

await mkdir(target, { recursive: true });
await write("schemas.ts", schemas.source.trimStart());
await write(
  "calls.ts",
  importTypes(calls, 'import type { MutationCall, QueryCall, SubscriptionCall } from "../call.ts";\n') + calls,
);
await write(
  "router.ts",
  importTypes(
    router,
    'import type { TRPCMutationProcedure, TRPCQueryProcedure, TRPCSubscriptionProcedure } from "@trpc/server";\n',
  ) + router,
);

await write("parsed-inputs.ts", await printParsedInputs(tree, names));
await write("server-rules.ts", await bundleRules(tree, exported));

/** Whoever reads the file meanwhile, as tests beside a build do, finds a whole one; one that is right already is left alone. */
async function write(name: string, source: string): Promise<void> {
  const file = new URL(name, target);
  const text = BANNER + source;
  if ((await readFile(file, "utf8").catch(() => null)) === text) return;
  const partial = new URL(`${name}.${process.pid}`, target);
  await writeFile(partial, text);
  await rename(partial, file);
}
