import { parseArgs } from "node:util";
import { ConfigError, EXIT_CONFIG } from "../env.ts";
import { type MigrateOptions, migrate } from "./migrate.ts";
import { type AppRole, appRoleOf, credentialsOf } from "./roles.ts";

const EXIT_FAILED = 1;
const USAGE = "npm run db:migrate -- [--with-sim-tables] [--create-role [name]]";
const DEFAULT_ROLE = "parlant_app";

/** Migrates the database that the environment names, and prints what was done. */
async function main(args: string[]): Promise<void> {
  const options = readOptions(args, process.env);
  const { applied, createdRole } = await migrate({ ...options, log: (line) => console.log(line) });
  console.log(applied.length === 0 ? "The database was up to date" : `Applied ${applied.length} migrations`);
  if (createdRole && options.appRole?.password !== undefined) {
    console.log(`Created the role ${createdRole.name}; DATABASE_URL, which names it, works as it stands`);
  } else if (createdRole) {
    console.log(`Created the role ${createdRole.name}. This is the only time that its password is shown:`);
    console.log(`DATABASE_URL=${withCredentials(options.url, createdRole.name, createdRole.password)}`);
  } else if (!options.appRole) {
    console.log(`Nothing was granted: the server must not connect as the owner. Make a role for it with: ${USAGE}`);
  }
}

function readOptions(args: string[], env: NodeJS.ProcessEnv): MigrateOptions {
  const { values, positionals } = parseCommandLine(args);
  const databaseUrl = readUrl(env, "DATABASE_URL") ?? readUrl(env, "POSTGRES_URL");
  const url = readUrl(env, "MIGRATION_DATABASE_URL") ?? databaseUrl;
  if (!url) {
    throw new ConfigError("Set MIGRATION_DATABASE_URL (the owner of Sim's tables, a direct connection) or DATABASE_URL");
  }
  const [name, ...rest] = positionals;
  if (rest.length > 0 || (name !== undefined && !values["create-role"])) throw new ConfigError(`Usage: ${USAGE}`);
  const appRole = chooseRole(url, databaseUrl, values["create-role"] ? { name } : undefined);
  return { url, withSimTables: values["with-sim-tables"], ...(appRole && { appRole }) };
}

function parseCommandLine(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { "with-sim-tables": { type: "boolean", default: false }, "create-role": { type: "boolean", default: false } },
    });
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)}\nUsage: ${USAGE}`);
  }
}

function readUrl(env: NodeJS.ProcessEnv, variable: string): string | undefined {
  const text = env[variable];
  if (!text) return undefined;
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
    throw new ConfigError(`${variable} must be a URL such as postgresql://user:password@host:5432/database`);
  }
  return text;
}

/** The role in DATABASE_URL where it is not the owner's own, else the one to create. */
function chooseRole(
  url: string,
  databaseUrl: string | undefined,
  created: { name: string | undefined } | undefined,
): AppRole | undefined {
  const named = databaseUrl === undefined ? undefined : appRoleOf(databaseUrl, url);
  if (!created) return named;
  const name = created.name ?? named?.name ?? DEFAULT_ROLE;
  if (name === credentialsOf(url).user)
    throw new ConfigError(`--create-role ${name}: that is the owner's own role; name another one`);
  // With its password in DATABASE_URL, that URL works as it stands.
  const password = databaseUrl !== undefined && name === named?.name ? credentialsOf(databaseUrl).password : undefined;
  return { name, create: true, ...(password && { password }) };
}

function withCredentials(url: string, user: string, password: string): string {
  const result = new URL(url);
  result.searchParams.delete("user");
  result.searchParams.delete("password");
  result.username = user;
  result.password = password;
  return result.href;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : EXIT_FAILED;
}
