import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import type { ExportedSchema } from "./named-schemas.ts";
import { listProcedures, type ProcedureTree } from "./procedure-tree.ts";

const RULES = new URL("server-rules.ts", import.meta.url);
const ENTRY = "virtual:server-rules";
/** What the schemas are made with. Brought along, since whoever installs the client may have another version of it, or none. */
const BUNDLED = "zod";
/** All that the bundle may need of others; anything else would be a part of the server with a database or a transport. */
const NEEDED = ["@trpc/server", "@trpc/server/rpc", "node:crypto"];

/**
 * The schemas of every procedure and the server's rules (server-rules.ts) as one module, of the server's own sources.
 *
 * @throws Error where a procedure's schema is exported by no module, or where what is bundled needs more than it may
 */
export async function bundleRules(tree: ProcedureTree, exported: readonly ExportedSchema[]): Promise<string> {
  const code = await bundle(entryOf(tree, exported));
  const licence = await readFile(new URL(`../../node_modules/${BUNDLED}/LICENSE`, import.meta.url), "utf8");
  const imports = [...code.matchAll(/^import\b[^;]*?["']([^"']+)["'];$/gm)].map(([, name]) => name ?? "");
  const others = imports.filter((name) => !NEEDED.includes(name));
  if (others.length > 0) throw new Error(`The server's rules need ${others.join(", ")}; they may need ${NEEDED.join(", ")}`);
  return [
    "// @ts-nocheck: bundled from sources that are checked; its types are those of what is exported.",
    'import type { ServerProcedures } from "../testing/procedures.ts";',
    'import type { ServerRules } from "../testing/server-rules.ts";',
    `/*!\nThis file has parts of ${BUNDLED}.\n\n${licence.trim()}\n*/`,
    code.replace(/^export \{[^}]*\};\s*$/m, ""),
    "export const SERVER_VERSION: string = VERSION;",
    "export const SERVER_RULES: ServerRules = RULES;",
    "export const SERVER_PROCEDURES: ServerProcedures = PROCEDURES;",
    "",
  ].join("\n");
}

function entryOf(tree: ProcedureTree, exported: readonly ExportedSchema[]): string {
  const imports: string[] = [];
  const nameOf = (schema: unknown, path: string): string => {
    const found = exported.find((one) => one.schema === schema);
    if (!found) throw new Error(`A schema of ${path} is exported by no module, so that the client's fake cannot have it`);
    const name = `schema${imports.length}`;
    imports.push(`import { ${found.name} as ${name} } from ${JSON.stringify(fileURLToPath(found.url))};`);
    return name;
  };
  const lines = listProcedures(tree).map(({ path, type, permission, input, output }) => {
    const name = path.join(".");
    const schemas = `input: ${nameOf(input, name)}, output: ${nameOf(output, name)}`;
    return `  ${JSON.stringify(name)}: { type: "${type}", permission: "${permission}", ${schemas} },`;
  });
  return [
    ...imports,
    `import { RULES } from ${JSON.stringify(fileURLToPath(RULES))};`,
    `import { VERSION } from "virtual:version";`,
    `const PROCEDURES = {\n${lines.join("\n")}\n};`,
    "export { PROCEDURES, RULES, VERSION };",
  ].join("\n");
}

async function bundle(entry: string): Promise<string> {
  const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  const sources: Record<string, string> = {
    [ENTRY]: entry,
    "virtual:version": `export const VERSION = ${JSON.stringify(version)};`,
  };
  const output = await build({
    configFile: false,
    logLevel: "silent",
    ssr: { noExternal: [BUNDLED] },
    build: {
      ssr: true,
      write: false,
      minify: false,
      target: "es2022",
      rollupOptions: {
        input: ENTRY,
        preserveEntrySignatures: "strict",
        external: (id) => id !== BUNDLED && !/^[./]|^virtual:/.test(id),
        // Of the server's modules, which are imported for some of their exports, nothing else is to run here.
        treeshake: { moduleSideEffects: (id) => id.includes(`/node_modules/${BUNDLED}/`) },
      },
    },
    plugins: [
      {
        name: "sources",
        enforce: "pre",
        resolveId: (id) => (id in sources ? id : null),
        load: (id) => sources[id] ?? null,
      },
    ],
  });
  const [{ output: files }] = [output].flat() as unknown as [{ output: { code?: string }[] }];
  const [file, ...others] = files;
  if (!file?.code || others.length > 0) throw new Error(`The server's rules are ${files.length} files; expected one`);
  // Where each part comes from is no business of who installs it, and is told as seen from where this was called.
  return file.code.replace(/^\/\/(?:#(?:end)?region.*| [\w./@-]+\.[jt]s| virtual:.*)\n/gm, "");
}
