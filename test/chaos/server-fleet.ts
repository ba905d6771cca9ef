import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("revocation-server.ts", import.meta.url));

/** Servers in processes of their own. */
export interface Fleet {
  urls: string[];
  stop(): Promise<void>;
}

export async function startFleet(size: number, databaseUrl: string, guard: "guarded" | "unguarded"): Promise<Fleet> {
  const children = Array.from({ length: size }, () =>
    fork(SCRIPT, [databaseUrl, guard], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] }),
  );
  const ports = await Promise.all(
    children.map(async (child) => {
      const [port] = await Promise.race([once(child, "message"), once(child, "exit").then(() => [undefined])]);
      if (typeof port !== "number") throw new Error("A server ended before it answered");
      return port;
    }),
  );
  return {
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    async stop() {
      await Promise.all(
        children.map(async (child) => {
          const ended = once(child, "exit");
          child.disconnect();
          await ended;
        }),
      );
    },
  };
}
