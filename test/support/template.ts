import { randomBytes } from "node:crypto";
import pg from "pg";
import { migrate } from "../../server/db/migrate.ts";

interface Role {
  name: string;
  password: string;
}

/** What a test file needs to make its own copy of the template database. Plain data: it goes to every worker. */
export interface DatabaseTemplate {
  adminUrl: string;
  /** Leads the name of everything that a run makes on the server. */
  prefix: string;
  database: string;
  /** Owns Sim's tables and ours; no superuser. */
  owner: Role;
  /** As which the server connects. */
  app: Role;
}

/** A database with Sim's tables, migrated as an installation is: by an owner that is no superuser. */
export async function createTemplate(adminUrl: string): Promise<DatabaseTemplate> {
  const prefix = `parlant_test_${randomBytes(4).toString("hex")}`;
  const template: DatabaseTemplate = {
    adminUrl,
    prefix,
    database: `${prefix}_template`,
    owner: { name: `${prefix}_owner`, password: randomBytes(16).toString("hex") },
    app: { name: `${prefix}_app`, password: randomBytes(16).toString("hex") },
  };
  await asAdmin(adminUrl, async (admin) => {
    for (const { name, password } of [template.owner, template.app]) {
      await admin.query(`CREATE ROLE ${name} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD '${password}'`);
      // An admin that is no superuser may act on what the role owns only as a member of it.
      await admin.query(`GRANT ${name} TO CURRENT_USER`);
    }
    await admin.query(`CREATE DATABASE ${template.database} OWNER ${template.owner.name} TEMPLATE template0 ENCODING 'UTF8'`);
  });
  await migrate({
    url: urlAs(template, template.owner, template.database),
    appRole: { name: template.app.name, create: false },
    withSimTables: true,
  });
  // PostgreSQL copies only a database that nobody is connected to.
  await asAdmin(adminUrl, (admin) => admin.query(`ALTER DATABASE ${template.database} ALLOW_CONNECTIONS false`));
  return template;
}

/** Nothing that the run made is left on the server. */
export async function dropTemplate({ adminUrl, prefix, owner, app }: DatabaseTemplate): Promise<void> {
  await asAdmin(adminUrl, async (admin) => {
    const { rows } = await admin.query<{ datname: string }>("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", [
      `${prefix}_`,
    ]);
    for (const { datname } of rows) await admin.query(`DROP DATABASE ${datname} WITH (FORCE)`);
    for (const { name } of [owner, app]) await admin.query(`DROP ROLE ${name}`);
  });
}

/** The server's URL for another role and database. */
export function urlAs(template: DatabaseTemplate, role: Role | undefined, database: string): string {
  const url = new URL(template.adminUrl);
  if (role) {
    url.username = role.name;
    url.password = role.password;
  }
  url.pathname = `/${database}`;
  return url.href;
}

/** Runs the action on a connection of its own as the server's administrator. */
export async function asAdmin<Result>(adminUrl: string, action: (admin: pg.Client) => Promise<Result>): Promise<Result> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    return await action(admin);
  } finally {
    await admin.end();
  }
}
