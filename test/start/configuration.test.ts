import { expect, test } from "vitest";
import { startProcess } from "./server-process.ts";

const DATABASE_URL = "postgresql://parlant_app:not-to-be-shown@127.0.0.1:1/sim";
const SECRETS = {
  BETTER_AUTH_SECRET: "better-auth-secret-of-the-tests-0123456789",
  ISOLATION_SECRET: "isolation-secret-of-the-tests-0123456789ab",
  SIM_WEBHOOK_SECRET: "webhook-secret-of-the-tests-0123456789abcd",
  INTERNAL_API_SECRET: "internal-secret-of-the-tests-0123456789abc",
};

test.each([
  ["PORT", "eighty", "PORT must be a whole number from 0 to 65535"],
  ["BETTER_AUTH_SECRET", "too-short-a-secret", "BETTER_AUTH_SECRET must have at least 32 characters; make one with: openssl"],
  ["MIGRATE_ON_START", "yes", "MIGRATE_ON_START must be true or false"],
  ["WORKSPACE_PURGE_AFTER", "30", "WORKSPACE_PURGE_AFTER must be a number with a unit"],
])("a bad %s ends the start with 78 and says what it must be, not what it is", async (name, value, message) => {
  const failure = startProcess({ [name]: value });
  await expect(failure).rejects.toMatchObject({ code: 78, message: expect.stringContaining(message) });
  await expect(failure).rejects.not.toThrow(value === "too-short-a-secret" ? value : "    at ");
});

test("an external database without secrets ends the start with 78 and names each of them", async () => {
  const failure = startProcess({ DATABASE_URL });
  await expect(failure).rejects.toMatchObject({ code: 78, message: expect.not.stringContaining("not-to-be-shown") });
  for (const name of [
    "BETTER_AUTH_SECRET",
    "ISOLATION_SECRET",
    "SIM_WEBHOOK_SECRET",
    "INTERNAL_API_SECRET or INTERNAL_JWT_SECRET",
  ]) {
    await expect(failure).rejects.toThrow(`${name} is required with an external database`);
  }
});

test.each(Object.keys(SECRETS))("an external database with every secret but %s starts nothing either", async (name) => {
  await expect(startProcess({ DATABASE_URL, ...SECRETS, [name]: "" })).rejects.toMatchObject({
    code: 78,
    message: expect.stringMatching(new RegExp(`^${name}.* is required with an external database[^\\n]*$`)),
  });
});

test("control: with every secret the start goes on to the database, whose password it never prints", async () => {
  const failure = startProcess({ DATABASE_URL, ...SECRETS });
  await expect(failure).rejects.toMatchObject({ code: 1, message: expect.stringContaining("ECONNREFUSED") });
  await expect(failure).rejects.not.toThrow("not-to-be-shown");
});
