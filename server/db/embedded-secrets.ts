import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeOnce } from "./write-once.ts";

const embeddedSecrets = z.strictObject({
  betterAuthSecret: z.string().min(32),
  isolationSecret: z.string().min(32),
  webhookSecret: z.string().min(32),
  internalSecret: z.string().min(32),
  appRolePassword: z.string().min(32),
  ownerRolePassword: z.string().min(32),
  demoApiKey: z.string().startsWith("sk-sim-"),
  demoSessionToken: z.string().length(32),
});

/** The secrets of a server that runs on its own embedded database, where nobody configured any. */
export type EmbeddedSecrets = z.output<typeof embeddedSecrets>;

/**
 * The secrets kept under the data directory in a file of mode 0600; random ones, made at the first call.
 * @throws Error where the file is damaged; its contents are in no message.
 */
export async function loadOrCreateSecrets(dataDir: string): Promise<EmbeddedSecrets> {
  const file = join(dataDir, "secrets.json");
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await writeOnce(file, `${JSON.stringify(newSecrets(), undefined, 2)}\n`);
  const parsed = embeddedSecrets.safeParse(parseJson(await readFile(file, "utf8")));
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => issue.path.join(".")).filter((path) => path !== "");
  throw new Error(
    `${file} is damaged${wrong.length > 0 ? ` (${wrong.join(", ")})` : ""}: restore it, or remove the whole data directory to begin anew`,
  );
}

function newSecrets(): EmbeddedSecrets {
  const secret = () => randomBytes(32).toString("hex");
  return {
    betterAuthSecret: secret(),
    isolationSecret: secret(),
    webhookSecret: `whsec_${randomBytes(32).toString("base64")}`,
    internalSecret: secret(),
    appRolePassword: secret(),
    ownerRolePassword: secret(),
    demoApiKey: `sk-sim-${randomBytes(24).toString("base64url")}`,
    demoSessionToken: randomBytes(24).toString("base64url"),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
