import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { dataDirectoryArgument, SERVER_ENVIRONMENT, type ServerAccount } from "./embedded-account.ts";

/** A running PostgreSQL server. */
export interface PostgresProcess {
  /** Every process of the server has ended after it; safe to call twice. */
  stop(): Promise<void>;
}

/** The port was taken by someone else. */
export class PortInUseError extends Error {
  override name = "PortInUseError";
}

const READY = "database system is ready to accept connections";
const FAST_SHUTDOWN_MS = 20_000;
const IMMEDIATE_SHUTDOWN_MS = 5_000;
const KEPT_LINES = 20;

/** Waits for the end of its input, which comes when the process that holds the other end dies, however it dies. */
const WATCH_SCRIPT = 'read -r _ || kill -INT "$1"';

/**
 * The server accepts connections on 127.0.0.1 and writes its log to `log`, without the values of statements.
 * It has a session of its own, so that Ctrl-C in a terminal does not stop it under requests still being answered; in
 * return a small watcher shuts it down should this process die without stop().
 * @throws PortInUseError, or Error with the last lines of the server's log.
 */
export async function startPostgres(options: {
  postgres: string;
  dataDirectory: string;
  account: ServerAccount | undefined;
  port: number;
  settings: Record<string, string>;
  log(line: string): void;
}): Promise<PostgresProcess> {
  const settings = {
    listen_addresses: "127.0.0.1",
    // None at all: their paths may be at most 107 bytes long, and the data directory's may be longer.
    unix_socket_directories: "",
    timezone: "UTC",
    log_timezone: "UTC",
    lc_messages: "C",
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    ...options.settings,
  };
  const child = spawn(
    options.postgres,
    [
      ...["-D", dataDirectoryArgument(options.dataDirectory), "-p", String(options.port)],
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    {
      ...options.account,
      cwd: options.dataDirectory,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      env: SERVER_ENVIRONMENT,
    },
  );
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  const watcher = watch(child, options.dataDirectory);
  void exited.then(() => watcher?.stdin?.end("over\n"));
  try {
    await untilReady(child, options);
  } catch (error) {
    await shutDown(child, exited);
    throw error;
  }
  return { stop: () => shutDown(child, exited) };
}

function watch(child: ChildProcess, cwd: string): ChildProcess | undefined {
  if (child.pid === undefined) return undefined;
  const watcher = spawn("/bin/sh", ["-c", WATCH_SCRIPT, "sh", String(child.pid)], {
    cwd,
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // A watcher that is gone cannot be told; the next start finds whatever it would have stopped.
  watcher.once("error", () => {});
  watcher.stdin?.once("error", () => {});
  return watcher;
}

function untilReady(child: ChildProcess, options: { port: number; log(line: string): void }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const lines: string[] = [];
  child.once("error", reject);
  if (child.stderr === null) throw new Error("PostgreSQL was started without a log");
  const reader = createInterface({ input: child.stderr });
  reader.on("line", (line) => {
    options.log(line);
    if (line.includes(READY)) resolve();
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
  });
  // The log's end comes after its last line, the process's exit may not.
  reader.once("close", () => {
    const text = lines.join("\n");
    const taken = text.includes("could not bind") || text.includes("could not create any TCP/IP sockets");
    reject(
      taken
        ? new PortInUseError(`Port ${options.port} on 127.0.0.1 is in use: PostgreSQL could not start there`)
        : new Error(`PostgreSQL ended before it was ready:\n${text}`),
    );
  });
  return promise;
}

async function shutDown(child: ChildProcess, exited: Promise<void>): Promise<void> {
  const hasExited = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  for (const [signal, patienceMs] of [
    ["SIGINT", FAST_SHUTDOWN_MS],
    ["SIGQUIT", IMMEDIATE_SHUTDOWN_MS],
    ["SIGKILL", IMMEDIATE_SHUTDOWN_MS],
  ] as const) {
    if (hasExited()) return;
    child.kill(signal);
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, patienceMs);
    await Promise.race([exited, patience.promise]);
    clearTimeout(timer);
  }
}
