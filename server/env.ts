import { isIP } from "node:net";
import { z } from "zod";

const DAY_MS = 86_400_000;
const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS } as const;

const secret = z.string().min(32, "must have at least 32 characters; make one with: openssl rand -hex 32");
const secretList = (minBytes: number) =>
  z.string().transform((text, check) => {
    const secrets = splitList(text);
    if (secrets.length === 0 || secrets.some((one) => secretBytes(one) < minBytes)) {
      check.addIssue({
        code: "custom",
        message: `must be one or several comma-separated secrets of at least ${minBytes} bytes (of a whsec_ one, once decoded), newest first`,
      });
      return z.NEVER;
    }
    return secrets;
  });
const wholeNumber = (min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`)
    .default(fallback);
const seconds = (fallback: number) => wholeNumber(0, 86_400, fallback);
const duration = (fallback: string) =>
  z
    .string()
    .regex(/^\d+[smhd]$/, "must be a number with a unit, one of s m h d, e.g. 30d")
    .default(fallback)
    .transform((text) => Number(text.slice(0, -1)) * UNIT_MS[text.slice(-1) as keyof typeof UNIT_MS]);
const flag = z
  .enum(["true", "false"], "must be true or false")
  .default("false")
  .transform((text) => text === "true");
const origin = z.url({ protocol: /^https?$/, error: "must be an http or https URL" });
const list = z.string().default("").transform(splitList);
const ports = z
  .string()
  .default("443")
  .transform((text) => splitList(text).map(Number))
  .refine(
    (all) => all.length > 0 && all.every((port) => Number.isInteger(port) && port >= 1 && port <= 65_535),
    "must be port numbers, comma-separated, e.g. 443,8443",
  );
const origins = list.refine(
  (all) => all.every((one) => URL.canParse(one) && /^https?:$/.test(new URL(one).protocol)),
  "must be http or https origins, comma-separated, e.g. https://sim.example.com; there is no wildcard",
);
const proxies = list.refine(
  (all) => all.every(isAddressOrRange),
  "must be IP addresses or ranges, comma-separated, e.g. 10.0.0.0/8, or loopback, linklocal, uniquelocal",
);
const databaseUrl = z.url({ protocol: /^postgres(ql)?$/, error: "must be a postgresql:// URL" }).optional();
const host = z
  .string()
  .refine((text) => isIP(text) !== 0 || /^(?![\d.]+$)[A-Za-z0-9.-]+$/.test(text), "must be an IP address or a host name")
  .default("127.0.0.1");

const schema = z.object({
  DATABASE_URL: databaseUrl,
  POSTGRES_URL: databaseUrl,
  MIGRATION_DATABASE_URL: databaseUrl,
  MIGRATE_ON_START: flag,
  PARLANT_DATA_DIR: z.string().optional(),
  NEXT_PUBLIC_APP_URL: origin.optional(),
  BETTER_AUTH_URL: origin.optional(),
  BETTER_AUTH_SECRET: secret.optional(),
  SIM_WEBHOOK_SECRET: secretList(24).optional(),
  SIM_WEBHOOK_ALLOW_LEGACY: flag,
  WEBHOOK_ENDPOINT_PORTS: ports,
  WEBHOOK_ENDPOINT_ALLOW_LOOPBACK: flag,
  ISOLATION_SECRET: secretList(32).optional(),
  INTERNAL_API_SECRET: secret.optional(),
  INTERNAL_JWT_SECRET: secret.optional(),
  WEBHOOK_TIMEOUT: wholeNumber(1, 3_600, 30),
  WEBHOOK_RETRY_ATTEMPTS: wholeNumber(0, 100, 3),
  DB_POOL_SIZE: wholeNumber(1, 1_000, 10),
  DB_MAX_OVERFLOW: wholeNumber(0, 1_000, 15),
  DB_POOL_TIMEOUT: wholeNumber(1, 600, 30),
  HOST: host,
  PORT: wholeNumber(0, 65_535, 8001),
  BASE_PATH: z
    .string()
    .regex(/^(\/[A-Za-z0-9._~-]+)*$/, "must be empty or a path such as /parlant, without a slash at its end")
    .default(""),
  LOG_LEVEL: z
    .string()
    .default("info")
    .transform((level) => level.toLowerCase().replace(/^warning$/, "warn"))
    .pipe(z.enum(["debug", "info", "warn", "error"], "must be one of DEBUG INFO WARN WARNING ERROR")),
  ALLOWED_ORIGINS: origins,
  TRUSTED_PROXIES: proxies,
  AUTH_TRUSTED_PROXIES: proxies,
  PERMISSION_CACHE_TTL: seconds(30),
  RECONCILE_INTERVAL: wholeNumber(1, 86_400, 60),
  WORKSPACE_PURGE_AFTER: duration("30d"),
  AGENT_RETENTION: duration("30d"),
  SESSION_IDLE_AFTER: duration("24h"),
  REDIS_URL: z.string().optional(),
  RATE_LIMIT_PER_MINUTE: wholeNumber(0, 10_000_000, 6_000),
  DENIAL_LIMIT_PER_MINUTE: wholeNumber(0, 10_000_000, 120),
  METRICS_TOKEN: z.string().optional(),
  AUDIT_READ_POLICY: z.enum(["available", "required"], "must be available or required").default("available"),
  EXPORT_DIR: z.string().optional(),
});

/** The configuration, parsed once at start. Durations that carry a unit are milliseconds; plain ones are seconds, as named in the README. */
export type Env = Omit<z.output<typeof schema>, "DATABASE_URL" | "POSTGRES_URL"> & {
  /** The database to use; undefined means the embedded one. */
  DATABASE_URL: string | undefined;
};

/** Exit code for a configuration that cannot work (EX_CONFIG of sysexits.h). */
export const EXIT_CONFIG = 78;

/** A configuration that cannot work; its message names each variable, what is wrong and the remedy. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/**
 * Reads the configuration from environment variables; an empty variable counts as unset.
 * @throws ConfigError naming every variable that is wrong or, with an external database, missing.
 */
export function parseEnv(variables: Record<string, string | undefined>): Env {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("\n"));
  }
  const { POSTGRES_URL, ...env } = parsed.data;
  const databaseUrl = env.DATABASE_URL ?? POSTGRES_URL;
  if (databaseUrl !== undefined) requireSecrets(env);
  return { ...env, DATABASE_URL: databaseUrl };
}

/** The root secrets of boundaries and audit logs, newest first, where they are set. @throws ConfigError as parseEnv does */
export function parseIsolationSecret(text: string | undefined): string[] | undefined {
  if (text === undefined || text === "") return undefined;
  const parsed = secretList(32).safeParse(text);
  if (parsed.success) return parsed.data;
  throw new ConfigError(parsed.error.issues.map(({ message }) => `ISOLATION_SECRET ${message}`).join("\n"));
}

function requireSecrets(env: z.output<typeof schema>): void {
  const missing: string[] = (["BETTER_AUTH_SECRET", "ISOLATION_SECRET", "SIM_WEBHOOK_SECRET"] as const).filter(
    (name) => env[name] === undefined,
  );
  if (!env.INTERNAL_API_SECRET && !env.INTERNAL_JWT_SECRET) missing.push("INTERNAL_API_SECRET or INTERNAL_JWT_SECRET");
  if (missing.length > 0) {
    throw new ConfigError(
      missing
        .map((name) => `${name} is required with an external database; set it to the value that Sim uses or make one`)
        .join("\n"),
    );
  }
}

/** A secret in the form of Standard Webhooks is base64 behind its prefix, and has no bytes where it is not; any other is its own. */
function secretBytes(secret: string): number {
  const prefix = "whsec_";
  if (!secret.startsWith(prefix)) return Buffer.byteLength(secret);
  const encoded = secret.slice(prefix.length);
  const bytes = Buffer.from(encoded, "base64");
  const padded = bytes.toString("base64");
  return encoded === padded || encoded === padded.replace(/=+$/, "") ? bytes.length : 0;
}

const NAMED_RANGES = new Set(["loopback", "linklocal", "uniquelocal"]);

function isAddressOrRange(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (NAMED_RANGES.has(text)) return true;
  return (
    family !== 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
  );
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
