import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

/** A source of the client's, by its path in client-sdk/src. */
export function sourceOf(path: string): string {
  return fileURLToPath(new URL(`../../client-sdk/src/${path}`, import.meta.url));
}

interface BuiltFile {
  fileName: string;
  code?: string;
  isEntry?: boolean;
  imports?: string[];
}

/**
 * What a page or an edge function loads that imports these names alone; `external` packages it has already. What it loads
 * only once it is needed is not counted.
 */
export async function bundle(names: string, module: string, external: string[] = []): Promise<string> {
  const virtual = "virtual:entry";
  const output = await build({
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      minify: true,
      target: "es2022",
      rollupOptions: { input: virtual, preserveEntrySignatures: "strict", external },
    },
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === virtual ? id : null),
        load: (id) => (id === virtual ? `export { ${names} } from ${JSON.stringify(module)};` : null),
      },
    ],
  });
  const [{ output: files }] = [output].flat() as unknown as [{ output: BuiltFile[] }];
  const byName = new Map(files.map((file) => [file.fileName, file]));
  const needed = new Set(files.filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName));
  // A Set's iteration also visits what is added to it on the way.
  for (const name of needed) for (const imported of byName.get(name)?.imports ?? []) needed.add(imported);
  return [...needed].map((name) => byName.get(name)?.code ?? "").join("\n");
}

export const gzipped = (code: string) => gzipSync(code, { level: 9 }).length;
