import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";

/** A PgBouncer of the test's own, in transaction mode. */
export interface PgBouncer {
  version: string;
  /** The database's URL by way of it. */
  through(databaseUrl: string): string;
  stop(): Promise<void>;
}

export interface PgBouncerOptions {
  /** Connections to PostgreSQL per user and database. */
  poolSize: number;
}

/** Where the system package puts it is not on an ordinary user's path. */
const DIRECTORIES = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

/** The binary, or undefined where the system package is not installed. */
export const pgBouncerBinary = DIRECTORIES.map((directory) => join(directory, "pgbouncer")).find((path) => existsSync(path));

const version = pgBouncerBinary
  ? (/PgBouncer ([\d.]+)/.exec(execFileSync(pgBouncerBinary, ["--version"], { encoding: "utf8" }))?.[1] ?? "0")
  : "0";

/** Whether it keeps track of the statements that its clients prepare by name. */
export const isPgBouncerTracking = isAtLeast(version, [1, 21]);

/** Ends the program when the test's process has ended, however that came about: its end of the pipe is closed then. */
const UNTIL_INPUT_ENDS = '"$0" --quiet "$1" & read -r _; kill $!; wait $!';

/** It refuses to run as root. */
const NOBODY = 65_534;

/** Starts it on a free port of the loopback before the server of these databases; it lets in the users of their URLs. */
export async function startPgBouncer(databaseUrls: readonly string[], options: PgBouncerOptions): Promise<PgBouncer> {
  if (!pgBouncerBinary) throw new Error("PgBouncer is not installed");
  const target = new URL(databaseUrls[0] ?? "");
  const port = await findFreePort();
  const directory = await mkdtemp(join(tmpdir(), "parlant-pgbouncer-"));
  const files = {
    "users.txt": databaseUrls.map((url) => userEntry(new URL(url))).join("\n"),
    "pgbouncer.ini": configuration(target, { directory, port, poolSize: options.poolSize }),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), `${content}\n`, { mode: 0o600 });
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    for (const path of [directory, ...Object.keys(files).map((name) => join(directory, name))]) await chown(path, NOBODY, NOBODY);
  }
  const child = spawn("/bin/sh", ["-c", UNTIL_INPUT_ENDS, pgBouncerBinary, join(directory, "pgbouncer.ini")], {
    stdio: ["pipe", "ignore", "ignore"],
    ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  const through = (databaseUrl: string) => {
    const url = new URL(databaseUrl);
    url.hostname = "127.0.0.1";
    url.port = String(port);
    return url.href;
  };
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.stdin.end();
      await once(child, "exit");
    }
    await rm(directory, { recursive: true, force: true });
  };
  await waitUntilServing(child, through(target.href)).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { version, through, stop };
}

function userEntry({ username, password }: URL): string {
  const quote = (text: string) => `"${decodeURIComponent(text).replaceAll('"', '""')}"`;
  return `${quote(username)} ${quote(password)}`;
}

function configuration(
  target: URL,
  { directory, port, poolSize }: { directory: string; port: number; poolSize: number },
): string {
  return [
    "[databases]",
    `* = host=${target.hostname} port=${target.port}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "pool_mode = transaction",
    "auth_type = scram-sha-256",
    `auth_file = ${join(directory, "users.txt")}`,
    `logfile = ${join(directory, "log")}`,
    `default_pool_size = ${poolSize}`,
    "max_client_conn = 300",
    // As a client that was not served at once gets its turn: the last server connection used is not favoured.
    "server_round_robin = 1",
    ...(isPgBouncerTracking ? ["max_prepared_statements = 200"] : []),
  ].join("\n");
}

function isAtLeast(version: string, [major = 0, minor = 0]: readonly number[]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function waitUntilServing(child: ChildProcess, url: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`PgBouncer ended with ${child.exitCode}`);
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    } finally {
      await client.end();
    }
  }
}
