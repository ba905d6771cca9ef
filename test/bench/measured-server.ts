import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { BenchDatabase } from "./bench-database.ts";

interface Ports {
  app: number;
  bare: number;
}

/** Does the work with a server in a process of its own, which is gone afterwards. */
export async function withMeasuredServer<Result>(
  database: BenchDatabase,
  work: (ports: Ports) => Promise<Result>,
): Promise<Result> {
  const child = fork(new URL("http-server.ts", import.meta.url), [database.appUrl, database.workspaceId], {
    env: { ...process.env, BENCH_SUPERUSER_URL: database.superuserUrl },
    // Its log is written as ever, and read by nobody.
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  try {
    return await work(await portsOf(child));
  } finally {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}

async function portsOf(child: ChildProcess): Promise<Ports> {
  const failed = once(child, "exit").then(() => {
    throw new Error("The measured server ended before it listened");
  });
  const [ports] = (await Promise.race([once(child, "message"), failed])) as [Ports];
  return ports;
}
