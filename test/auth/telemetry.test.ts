import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

// better-auth is silent where NODE_ENV is test, so it is watched in processes of their own, told by the environment to report.
const run = promisify(execFile);
const reports: string[] = [];
let collector: Server;

beforeAll(async () => {
  collector = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => reports.push(chunk.toString()));
    request.on("end", () => response.end("{}"));
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
});
beforeEach(() => {
  reports.length = 0;
});
afterAll(() => {
  collector.close();
});

async function runInProduction(script: string): Promise<string> {
  const { port } = collector.address() as AddressInfo;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: import.meta.dirname,
    env: {
      NODE_ENV: "production",
      BETTER_AUTH_TELEMETRY: "1",
      BETTER_AUTH_TELEMETRY_ENDPOINT: `http://127.0.0.1:${port}/report`,
    },
  });
  return stdout;
}

test("the authenticator reports nothing, even where the environment asks better-auth to", async () => {
  const stdout = await runInProduction(`
    import { createHmac } from "node:crypto";
    import { createAuthenticator } from "../../server/auth/authenticator.ts";
    import { CURRENT_SIM } from "../../server/db/sim-features.ts";
    const secret = "0123456789abcdefghijklmnopqrstuvwxyz";
    const row = { id: "s1", token: "token", userId: "u1", expiresAt: new Date(Date.now() + 60_000) };
    const sim = { query: async () => [row] };
    const clock = { now: () => Date.now() };
    const appUrl = "https://sim.example.com";
    const authenticator = createAuthenticator({
      sim, clock, appUrl, features: CURRENT_SIM, betterAuthSecret: secret, internalJwtSecret: secret,
    });
    const signature = createHmac("sha256", secret).update("token").digest("base64");
    const found = await authenticator.authenticate(new Headers({ authorization: "Bearer token." + signature }));
    console.log(found.principal.userId);
  `);
  expect(stdout.trim()).toBe("u1");
  expect(reports).toEqual([]);
});

test("control: better-auth as it comes reports in that environment, its own option notwithstanding", async () => {
  await runInProduction(`
    import { betterAuth } from "better-auth/minimal";
    const auth = betterAuth({
      baseURL: "https://sim.example.com",
      secret: "0123456789abcdefghijklmnopqrstuvwxyz",
      telemetry: { enabled: false },
    });
    await auth.$context;
  `);
  expect(reports.join("")).toContain('"type":"init"');
});
