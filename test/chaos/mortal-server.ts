import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("event-server.ts", import.meta.url));

/** A server in a process of its own that can be killed without notice, and is then started again where it was. */
export interface MortalServer {
  url: string;
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startMortalServer(databaseUrl: string): Promise<MortalServer> {
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const child = fork(SCRIPT, [databaseUrl, String(port)], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const [message] = await Promise.race([once(child, "message"), once(child, "exit").then(() => [undefined])]);
    if (message !== "listening") throw new Error("A server ended before it answered");
    return child;
  };
  const end = async (child: ChildProcess) => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  let child = await start();
  return {
    url: `http://127.0.0.1:${port}`,
    async killAndRestart() {
      await end(child);
      child = await start();
    },
    stop: () => end(child),
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
