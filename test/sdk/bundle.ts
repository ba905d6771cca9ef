import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

/** A source of the client's, by its path in client-sdk/src. */
export function sourceOf(path: string): string {
  return fileURLToPath(new URL(`../../client-sdk/src/${path}`, import.meta.url));
}

/** What a page or an edge function loads that imports these names alone; `external` packages it has already. */
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
  const [{ output: files }] = [output].flat() as { output: { code?: string }[] }[] as [{ output: { code?: string }[] }];
  return files.map(({ code = "" }) => code).join("\n");
}

export const gzipped = (code: string) => gzipSync(code, { level: 9 }).length;
