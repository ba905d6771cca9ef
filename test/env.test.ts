import { describe, expect, test } from "vitest";
import { ConfigError, parseEnv } from "../server/env.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const EXTERNAL = {
  DATABASE_URL: "postgresql://app:x@127.0.0.1:5432/sim",
  BETTER_AUTH_SECRET: SECRET,
  ISOLATION_SECRET: SECRET,
  SIM_WEBHOOK_SECRET: SECRET,
  INTERNAL_API_SECRET: SECRET,
};

test("with nothing set, everything has its default and the database is the embedded one", () => {
  expect(parseEnv({})).toMatchObject({
    DATABASE_URL: undefined,
    HOST: "127.0.0.1",
    PORT: 8001,
    LOG_LEVEL: "info",
    DB_POOL_SIZE: 10,
  });
});

test("an empty variable counts as unset, POSTGRES_URL stands in for DATABASE_URL, levels and durations are read", () => {
  const env = parseEnv({
    ...EXTERNAL,
    DATABASE_URL: "",
    POSTGRES_URL: "postgres://x/y",
    LOG_LEVEL: "WARNING",
    AGENT_RETENTION: "12h",
  });
  expect(env).toMatchObject({ DATABASE_URL: "postgres://x/y", LOG_LEVEL: "warn", AGENT_RETENTION: 12 * 3_600_000 });
});

test("with an external database every secret is required by name", () => {
  const attempt = () => parseEnv({ DATABASE_URL: EXTERNAL.DATABASE_URL });
  expect(attempt).toThrow(ConfigError);
  for (const name of [
    "BETTER_AUTH_SECRET",
    "ISOLATION_SECRET",
    "SIM_WEBHOOK_SECRET",
    "INTERNAL_API_SECRET or INTERNAL_JWT_SECRET",
  ]) {
    expect(attempt).toThrow(name);
  }
});

describe("a bad value is refused with the variable's name and what it may be", () => {
  test.each([
    ["DATABASE_URL", "hello", /DATABASE_URL must be a postgresql/],
    ["DATABASE_URL", "mysql://x/y", /DATABASE_URL must be a postgresql/],
    ["MIGRATION_DATABASE_URL", "x", /MIGRATION_DATABASE_URL must be/],
    ["HOST", "999.1.1.1", /HOST must be an IP address/],
    ["PORT", "70000", /PORT must be a whole number from 0 to 65535/],
    ["TRUSTED_PROXIES", "nonsense", /TRUSTED_PROXIES must be IP addresses/],
    ["TRUSTED_PROXIES", "10.0.0.0/33", /TRUSTED_PROXIES must be IP addresses/],
    ["ALLOWED_ORIGINS", "*", /ALLOWED_ORIGINS must be http or https origins/],
    ["ALLOWED_ORIGINS", "https://a.test,ftp://b.test", /ALLOWED_ORIGINS must be/],
    ["BETTER_AUTH_SECRET", "short", /BETTER_AUTH_SECRET must have at least 32/],
    ["ISOLATION_SECRET", `${SECRET},short`, /ISOLATION_SECRET must be one or several/],
    ["SIM_WEBHOOK_SECRET", "whsec_MTIzNDU2Nzg5MDEyMzQ1", /SIM_WEBHOOK_SECRET must be .* at least 24 bytes/],
    ["SIM_WEBHOOK_SECRET", `whsec_${SECRET}-not-base64`, /SIM_WEBHOOK_SECRET must be .* at least 24 bytes/],
    ["BASE_PATH", "/parlant/", /BASE_PATH must be empty or a path/],
    ["MIGRATE_ON_START", "yes", /MIGRATE_ON_START must be true or false/],
    ["WORKSPACE_PURGE_AFTER", "30", /WORKSPACE_PURGE_AFTER must be a number with a unit/],
    ["LOG_LEVEL", "loud", /LOG_LEVEL must be one of/],
  ])("%s=%s", (name, value, message) => {
    expect(() => parseEnv({ ...EXTERNAL, [name]: value })).toThrow(message);
  });
});

test("a proxy is an address, a range or a named range", () => {
  const { TRUSTED_PROXIES } = parseEnv({ TRUSTED_PROXIES: "10.0.0.0/8, ::1, fd00::/8, loopback" });
  expect(TRUSTED_PROXIES).toEqual(["10.0.0.0/8", "::1", "fd00::/8", "loopback"]);
});
