import { readFile, stat } from "node:fs/promises";

/** The account PostgreSQL runs as. */
export interface ServerAccount {
  uid: number;
  gid: number;
}

/**
 * The account to run PostgreSQL as: undefined, which means our own, unless we are root.
 * PostgreSQL refuses to run as root; then it is the account that owns the data already, or `nobody` for new data,
 * because that one exists everywhere (initdb looks its user up) and no account has to be created.
 */
export async function resolveServerAccount(dataDirectory: string): Promise<ServerAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(dataDirectory).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return findAccount("nobody");
}

async function findAccount(name: string): Promise<ServerAccount> {
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n");
  const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(":") ?? [];
  if (uid === undefined || gid === undefined || Number(uid) === 0) {
    throw new Error(
      `PostgreSQL refuses to run as root, and there is no account "${name}" to run it as: start the server as another user`,
    );
  }
  return { uid: Number(uid), gid: Number(gid) };
}

/** The environment of PostgreSQL's programs: nothing of ours, so that no PGDATA, PGOPTIONS or locale of the caller reaches them. */
export const SERVER_ENVIRONMENT = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

/**
 * What a program that is started *in* the data directory is told the directory is.
 * On Linux it is the link to its own working directory, not the path: another account can follow it even where only
 * root may enter a directory above, and needs neither a capability nor a change to those directories for it.
 */
export function dataDirectoryArgument(dataDirectory: string): string {
  return process.platform === "linux" ? "/proc/self/cwd" : dataDirectory;
}
