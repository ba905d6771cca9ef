import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("webhook-server.ts", import.meta.url));

/** A server that is killed again and again, and started again each time. */
export interface MortalServer {
  /** Where it answers at the moment, or undefined while it is dead. */
  url(): string | undefined;
  /** Sends it SIGKILL; resolves once another one answers in its place. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export async function startMortal(databaseUrl: string, how: "together" | "apart"): Promise<MortalServer> {
  let child: ChildProcess;
  let url: string | undefined;
  const start = async () => {
    child = fork(SCRIPT, [databaseUrl, how], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const [port] = await Promise.race([once(child, "message"), once(child, "exit").then(() => [undefined])]);
    if (typeof port !== "number") throw new Error("A server ended before it answered");
    url = `http://127.0.0.1:${port}`;
  };
  const end = async (signal: NodeJS.Signals) => {
    url = undefined;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  };
  await start();
  return {
    url: () => url,
    async kill() {
      await end("SIGKILL");
      // It may be that a backend that was terminated was the one it started on.
      for (let attempt = 1; url === undefined; attempt++) {
        await start().catch((error: unknown) => {
          if (attempt === 5) throw error;
        });
      }
    },
    stop: () => end("SIGKILL"),
  };
}
