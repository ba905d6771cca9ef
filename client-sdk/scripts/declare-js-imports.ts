import { glob, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

// The compiler rewrites the imports of what it emits as JavaScript, and leaves `.ts` in the declarations beside it.
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
for await (const file of glob("**/*.d.ts", { cwd: dist })) {
  const source = await readFile(`${dist}${file}`, "utf8");
  await writeFile(`${dist}${file}`, source.replace(/((?:from |import\()"\.[^"]+)\.ts"/g, '$1.js"'));
}
