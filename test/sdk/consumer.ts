import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const installed = join(repository, "node_modules");

/** A project of someone else's, with the packed client in it. */
export interface Consumer {
  dir: string;
  tarball: string;
  /** Where the client lies in it. */
  package: string;
  /** Runs a program of the repository's there; its exit code and all that it printed. */
  run(command: string, ...args: string[]): Promise<{ exitCode: number; output: string }>;
  remove(): Promise<void>;
}

/**
 * Builds and packs the client and installs it, without a registry: the tarball is unpacked, and its dependencies are
 * copied, so that nothing of this repository can be reached from there.
 */
export async function installConsumer(...alsoInstalled: string[]): Promise<Consumer> {
  const dir = await mkdtemp(join(tmpdir(), "parlant-consumer-"));
  const target = join(dir, "node_modules", "@sim", "parlant-client");
  const run = (command: string, args: string[], cwd: string) =>
    promisify(execFile)(command, args, {
      cwd,
      env: {
        ...process.env,
        PATH: `${join(installed, ".bin")}:${process.env["PATH"]}`,
        npm_config_offline: "true",
        NO_COLOR: "1",
      },
    });
  const { stdout } = await oneAtATime(() =>
    run("npm", ["pack", "--json", "--pack-destination", dir], join(repository, "client-sdk")),
  );
  const tarball = join(dir, packedName(stdout));
  await mkdir(target, { recursive: true });
  await run("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"], dir);
  await copyDependencies(["@sim/parlant-client", ...alsoInstalled], dir);
  return {
    dir,
    tarball,
    package: target,
    run: (command, ...args) =>
      run(command, args, dir).then(
        ({ stdout, stderr }) => ({ exitCode: 0, output: stdout + stderr }),
        ({ code, stdout, stderr }) => ({ exitCode: code, output: stdout + stderr }),
      ),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

const LOCK = join(repository, "client-sdk", "node_modules", ".packing");
/** A build takes seconds: a lock of that age is of a run that was killed. */
const STALE_MS = 120_000;

/** Test files run beside each other, and each build begins with an empty directory. */
async function oneAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
  await mkdir(dirname(LOCK), { recursive: true });
  while (!(await take())) await setTimeout(100);
  try {
    return await work();
  } finally {
    await rm(LOCK, { recursive: true, force: true });
  }
}

async function take(): Promise<boolean> {
  try {
    await mkdir(LOCK);
    return true;
  } catch {
    const held = await stat(LOCK).catch(() => null);
    if (held && Date.now() - held.mtimeMs > STALE_MS) await rm(LOCK, { recursive: true, force: true });
    return false;
  }
}

/** The scripts that build the package print before npm's JSON. */
function packedName(stdout: string): string {
  const [, name] = /"filename":\s*"([^"]+)"/.exec(stdout) ?? [];
  if (!name) throw new Error(`npm pack named no file: ${stdout}`);
  return name;
}

async function copyDependencies(names: string[], dir: string): Promise<void> {
  const wanted = new Set(names);
  for (const name of wanted) {
    const to = join(dir, "node_modules", name);
    if (name !== "@sim/parlant-client") await cp(join(installed, name), to, { recursive: true });
    const { dependencies = {} } = JSON.parse(await readFile(join(to, "package.json"), "utf8")) as { dependencies?: object };
    for (const dependency of Object.keys(dependencies)) wanted.add(dependency);
  }
}
