import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

/** A source file with what it imports: files by their path from the project's root, packages by their name. */
export interface SourceFile {
  path: string;
  text: string;
  imports: string[];
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const IMPORT = /^\s*(?:import|export)\b[^"';]*?\bfrom\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;

/** The project's own sources under the folders named, without what is generated. */
export function readSources(...folders: string[]): SourceFile[] {
  return folders
    .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: ROOT }))
    .filter((path) => !path.includes("/generated/") && !path.includes("/dist/") && !path.includes("/node_modules/"))
    .sort()
    .map((path) => toSourceFile(path, readFileSync(join(ROOT, path), "utf8")));
}

export function toSourceFile(path: string, text: string): SourceFile {
  const imports = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
  return { path, text, imports: imports.map((name) => (name.startsWith(".") ? normalize(join(dirname(path), name)) : name)) };
}

/** A circle of imports, if there is one, as the files along it. */
export function findCycle(files: readonly SourceFile[]): string[] | null {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const finished = new Set<string>();
  const visit = (path: string, trail: string[]): string[] | null => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (finished.has(path)) return null;
    for (const next of byPath.get(path)?.imports ?? []) {
      const cycle = byPath.has(next) ? visit(next, [...trail, path]) : null;
      if (cycle) return cycle;
    }
    finished.add(path);
    return null;
  };
  for (const { path } of files) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return null;
}
