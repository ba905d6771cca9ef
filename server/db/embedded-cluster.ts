import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chown, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { dataDirectoryArgument, SERVER_ENVIRONMENT, type ServerAccount } from "./embedded-account.ts";
import { stopLeftoverServers } from "./embedded-leftovers.ts";
import { writeOnce } from "./write-once.ts";

export const SUPERUSER = "postgres";

/**
 * The superuser's password: random, made before the cluster is, kept readable by this account alone.
 * @throws Error where the cluster is there and its password is lost.
 */
export async function loadOrCreatePassword(file: string, dataDirectory: string): Promise<string> {
  if (existsSync(dataDirectory) && !existsSync(file)) {
    throw new Error(
      `${file} is missing, the password of the database in ${dataDirectory}: restore it, or remove both to begin anew`,
    );
  }
  await writeOnce(file, randomBytes(24).toString("hex"));
  return (await readFile(file, "utf8")).trim();
}

/**
 * A new cluster lies in the directory, UTF-8 with the built-in C.UTF-8 order, which is the same on every machine.
 * It is made in a directory beside it and renamed when complete, so that a killed initdb leaves nothing to repair.
 */
export async function createCluster(options: {
  dataDirectory: string;
  initdb: string;
  account: ServerAccount | undefined;
  password: string;
}): Promise<void> {
  const { account } = options;
  const staging = `${options.dataDirectory}.new`;
  const cluster = join(staging, "cluster");
  await stopLeftoverServers(cluster);
  await rm(staging, { recursive: true, force: true });
  await mkdir(cluster, { recursive: true, mode: 0o700 });
  const passwordFile = join(staging, "password");
  await writeFile(passwordFile, options.password, { mode: 0o600 });
  if (account) for (const path of [staging, cluster, passwordFile]) await chown(path, account.uid, account.gid);
  const directory = dataDirectoryArgument(cluster);
  await promisify(execFile)(
    options.initdb,
    [
      `--pgdata=${directory}`,
      `--pwfile=${directory}/../password`,
      `--username=${SUPERUSER}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--set=timezone=UTC",
      "--set=log_timezone=UTC",
      "--no-instructions",
    ],
    { ...account, cwd: cluster, env: SERVER_ENVIRONMENT },
  );
  await rename(cluster, options.dataDirectory);
  await rm(staging, { recursive: true, force: true });
}
