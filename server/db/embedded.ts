import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { resolveServerAccount } from "./embedded-account.ts";
import { preparePostgresBinaries } from "./embedded-binaries.ts";
import { createCluster, loadOrCreatePassword, SUPERUSER } from "./embedded-cluster.ts";
import { stopLeftoverServers } from "./embedded-leftovers.ts";
import { lockDirectory } from "./embedded-lock.ts";
import { PortInUseError, type PostgresProcess, startPostgres } from "./embedded-process.ts";

/** A PostgreSQL server of our own. */
export interface EmbeddedPostgres {
  port: number;
  superuserUrl(database: string): string;
  /** No process is left and the data directory is free after it; safe to call twice. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Holds everything: the cluster, the superuser's password, the lock. Created where absent. */
  dataDir: string;
  /** A free one is chosen where none is given. */
  port?: number;
  /** Server settings beside ours, e.g. `{ max_connections: "300" }`. */
  settings?: Record<string, string>;
  log(line: string): void;
}

const PORT_ATTEMPTS = 5;

/**
 * A real PostgreSQL serves the data under `dataDir` on 127.0.0.1, until stop() or shortly after this process's end.
 * It works for an ordinary user and for root, also in a directory that only root may enter: PostgreSQL then runs as an
 * unprivileged account that reaches the data through its own working directory and the programs, where needed, in a
 * temporary copy. That needs no capabilities, which containers often lack, gives that account none, and changes the
 * owner of nothing but the cluster's own directory.
 * What a killed process left behind is put in order first, so a start never fails because of an earlier end.
 * @throws Error where another process uses `dataDir`, or PostgreSQL cannot run here.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const dataDirectory = join(dataDir, "postgres");
  const lock = await lockDirectory(dataDir);
  const undo: (() => Promise<void>)[] = [lock.release];
  const undoAll = async (): Promise<void> => {
    const step = undo.pop();
    if (step === undefined) return;
    await step().finally(undoAll);
  };
  try {
    await stopLeftoverServers(dataDirectory);
    const account = await resolveServerAccount(dataDirectory);
    const binaries = await preparePostgresBinaries(account, join(dataDir, "postgres-programs"));
    undo.push(binaries.dispose);
    const password = await loadOrCreatePassword(join(dataDir, "postgres-password"), dataDirectory);
    if (!existsSync(dataDirectory)) await createCluster({ dataDirectory, initdb: binaries.initdb, account, password });
    const { server, port } = await startOnPort(options.port, (candidate) =>
      startPostgres({
        postgres: binaries.postgres,
        dataDirectory,
        account,
        port: candidate,
        settings: options.settings ?? {},
        log: options.log,
      }),
    );
    undo.push(server.stop);
    let stopping: Promise<void> | undefined;
    return {
      port,
      superuserUrl: (database) => `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
      stop: () => {
        stopping ??= undoAll();
        return stopping;
      },
    };
  } catch (error) {
    await undoAll();
    throw error;
  }
}

/** Another program may take a free port between our choice and PostgreSQL's use of it: then another one is chosen. */
async function startOnPort(
  wanted: number | undefined,
  start: (port: number) => Promise<PostgresProcess>,
): Promise<{ server: PostgresProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await findFreePort());
    try {
      return { server: await start(port), port };
    } catch (error) {
      if (!(error instanceof PortInUseError) || wanted !== undefined || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => (address && typeof address === "object" ? resolve(address.port) : reject(new Error("No free port"))));
  });
  return promise;
}
