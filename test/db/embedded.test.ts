import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { startEmbeddedPostgres } from "../../server/db/embedded.ts";
import { copyProject, isRoot, makeDirectory, openToEveryone, processesIn, query, spawnServer } from "./embedded-fixture.ts";

const NOBODY = { uid: 65_534, gid: 65_534 };
const DAEMON = { uid: 1, gid: 1 };
const quiet = { log: () => {} };

async function start(dataDir: string, port?: number) {
  const server = await startEmbeddedPostgres({ dataDir, ...(port !== undefined && { port }), ...quiet });
  onTestFinished(() => server.stop());
  return { ...server, url: server.superuserUrl("postgres") };
}

const postmasterPid = async (dataDir: string) =>
  Number((await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8")).split("\n")[0]);
const pidsIn = (directory: string) => processesIn(directory).map(({ pid }) => pid);

describe("an embedded PostgreSQL", () => {
  test("keeps its data over a stop and a start, and leaves no process", async () => {
    const dataDir = await makeDirectory();
    const first = await start(dataDir);
    await query(first.url, "CREATE TABLE kept AS SELECT 'Zoë' AS name");
    expect(processesIn(dataDir).map(({ program }) => program)).toEqual(expect.arrayContaining(["postgres", "sh"]));
    await Promise.all([first.stop(), first.stop()]);
    await expect.poll(() => processesIn(dataDir)).toEqual([]);
    expect((await readdir(dataDir)).sort()).toEqual(["postgres", "postgres-password"]);

    const second = await start(dataDir);
    expect(await query(second.url, "SELECT name FROM kept")).toEqual([{ name: "Zoë" }]);
  });

  test("is durable, in UTC and UTF-8, on 127.0.0.1 alone, and asks for its password", async () => {
    const dataDir = await makeDirectory();
    const server = await start(dataDir);
    const [settings] = await query(
      server.url,
      `SELECT current_setting('fsync') AS fsync, current_setting('timezone') AS timezone,
         current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets,
         pg_encoding_to_char(encoding) AS encoding, datlocprovider AS provider, datlocale AS locale,
         (SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = current_user) AS scram,
         (SELECT bool_and(auth_method = 'scram-sha-256') FROM pg_hba_file_rules) AS always_scram
       FROM pg_database WHERE datname = current_database()`,
    );
    expect(settings).toEqual({
      fsync: "on",
      timezone: "UTC",
      addresses: "127.0.0.1",
      sockets: "",
      encoding: "UTF8",
      provider: "b",
      locale: "C.UTF-8",
      scram: true,
      always_scram: true,
    });
    const password = await readFile(join(dataDir, "postgres-password"), "utf8");
    expect(server.url).toContain(password);
    expect((await stat(join(dataDir, "postgres-password"))).mode & 0o777).toBe(0o600);
    const wrong = new pg.Client({ connectionString: server.url.replace(password, "wrong") });
    await expect(wrong.connect()).rejects.toMatchObject({ code: "28P01" });
  });

  test("ends by itself when its process is killed; the next start has what was committed", async () => {
    const dataDir = await makeDirectory();
    const killed = await spawnServer(dataDir);
    await query(killed.outcome.url ?? "", "CREATE TABLE kept AS SELECT 1 AS one");
    expect(pidsIn(dataDir)).toContain(await postmasterPid(dataDir));
    await killed.end("SIGKILL");
    await expect.poll(() => processesIn(dataDir), { timeout: 20_000 }).toEqual([]);

    const next = await start(dataDir);
    expect(await query(next.url, "SELECT one FROM kept")).toEqual([{ one: 1 }]);
    await next.stop();
    expect((await readdir(dataDir)).filter((name) => name.endsWith(".lock"))).toEqual([]);
  });

  test("starts over a server that a killed process left running", async () => {
    const dataDir = await makeDirectory();
    const killed = await spawnServer(dataDir);
    await query(killed.outcome.url ?? "", "CREATE TABLE kept AS SELECT 1 AS one");
    const leftover = await postmasterPid(dataDir);
    // Without its watcher the server outlives its process, which is the case in question.
    for (const { pid, program } of processesIn(dataDir)) if (program === "sh") process.kill(pid, "SIGKILL");
    await killed.end("SIGKILL");
    expect(await query(killed.outcome.url ?? "", "SELECT 1 AS alive")).toEqual([{ alive: 1 }]);

    const next = await start(dataDir);
    expect(pidsIn(dataDir)).not.toContain(leftover);
    expect(await query(next.url, "SELECT one FROM kept")).toEqual([{ one: 1 }]);
  });

  test("starts over a pid file that by now names someone else's process, which it leaves alone", async () => {
    const dataDir = await makeDirectory();
    await (await start(dataDir)).stop();
    // Of the server's account: PostgreSQL itself passes over a process that it may not signal.
    const stranger = spawn("sleep", ["600"], isRoot ? NOBODY : {});
    onTestFinished(() => void stranger.kill());
    await once(stranger, "spawn");
    const file = join(dataDir, "postgres", "postmaster.pid");
    await writeFile(file, `${stranger.pid}\n/proc/self/cwd\n1\n5432\n\n127.0.0.1\n\nready\n`, { mode: 0o600 });
    if (isRoot) await chown(file, NOBODY.uid, NOBODY.gid);

    const server = await start(dataDir);
    expect(await query(server.url, "SELECT 1 AS alive")).toEqual([{ alive: 1 }]);
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  });

  test("starts over what a killed initdb and a lock of a process long gone left", async () => {
    const dataDir = await makeDirectory();
    await mkdir(join(dataDir, "postgres.new", "cluster"), { recursive: true });
    await writeFile(join(dataDir, "postgres.new", "cluster", "PG_VERSION"), "18");
    await writeFile(join(dataDir, `server.${process.pid}.another-boot.lock`), "");
    const server = await start(dataDir);
    expect(await query(server.url, "SELECT 1 AS alive")).toEqual([{ alive: 1 }]);
    expect((await readdir(dataDir)).filter((name) => /\.new$|another-boot/.test(name))).toEqual([]);
  });

  test("refuses a directory in use, names the process, and does not disturb it", async () => {
    const dataDir = await makeDirectory();
    const holder = await spawnServer(dataDir);
    const before = await postmasterPid(dataDir);
    await expect(start(dataDir)).rejects.toThrow(`The data directory ${dataDir} is in use by process ${holder.pid}`);
    expect(await postmasterPid(dataDir)).toBe(before);
    expect(await query(holder.outcome.url ?? "", "SELECT 1 AS alive")).toEqual([{ alive: 1 }]);

    await holder.end("SIGTERM");
    const next = await start(dataDir);
    await expect(start(dataDir)).rejects.toThrow(`is in use by process ${process.pid}`);
    expect(await query(next.url, "SELECT 1 AS alive")).toEqual([{ alive: 1 }]);
  });

  test("never starts twice in one directory, however many begin at once", async () => {
    const dataDir = await makeDirectory();
    const outcomes = (await Promise.all(Array.from({ length: 4 }, () => spawnServer(dataDir)))).map(({ outcome }) => outcome);
    expect(outcomes.filter(({ url }) => url !== undefined)).toHaveLength(1);
    for (const { error } of outcomes) if (error !== undefined) expect(error).toContain("is in use by process");
    expect(processesIn(dataDir).filter(({ program }) => program === "sh")).toHaveLength(1);
  });

  test("says that its port is taken, and leaves the directory free", async () => {
    const dataDir = await makeDirectory();
    const taker = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void taker.close());
    await once(taker, "listening");
    const address = taker.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    await expect(start(dataDir, port)).rejects.toThrow(`Port ${port} on 127.0.0.1 is in use`);
    expect((await start(dataDir)).port).not.toBe(port);
  });

  test("says that the password of its data is lost instead of making another", async () => {
    const dataDir = await makeDirectory();
    await mkdir(join(dataDir, "postgres"));
    await expect(start(dataDir)).rejects.toThrow("postgres-password is missing");
  });
});

describe.skipIf(!isRoot)("an embedded PostgreSQL, which refuses to run as root (needs root to test)", { timeout: 90_000 }, () => {
  test("runs for root in a directory that only root may enter, of which only the data changes hands", async () => {
    const directory = await makeDirectory();
    const project = copyProject(directory);
    const dataDir = join(directory, ".data");
    const server = await spawnServer(dataDir, { project });
    expect(await query(server.outcome.url ?? "", "SELECT 1 AS alive")).toEqual([{ alive: 1 }]);
    const servers = processesIn(dataDir).filter(({ program }) => program === "postgres");
    expect(new Set(servers.map(({ uid }) => uid))).toEqual(new Set([NOBODY.uid]));

    const programs = await readFile(join(dataDir, "postgres-programs"), "utf8");
    expect((await stat(programs)).isDirectory()).toBe(true);
    await server.end("SIGTERM");
    await expect(stat(programs)).rejects.toMatchObject({ code: "ENOENT" });

    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    const owners = async (path: string) => (await stat(path)).uid;
    expect(await Promise.all(["", ".data", "server", "node_modules"].map((name) => owners(join(directory, name))))).toEqual([
      0, 0, 0, 0,
    ]);
    expect(await owners(join(dataDir, "postgres"))).toBe(NOBODY.uid);
  });

  test("removes the copy of its programs that a killed process left", async () => {
    const directory = await makeDirectory();
    const project = copyProject(directory);
    const dataDir = join(directory, ".data");
    const killed = await spawnServer(dataDir, { project });
    const programs = await readFile(join(dataDir, "postgres-programs"), "utf8");
    await killed.end("SIGKILL");
    expect((await stat(programs)).isDirectory()).toBe(true);
    const next = await spawnServer(dataDir, { project });
    await expect(stat(programs)).rejects.toMatchObject({ code: "ENOENT" });
    await next.end("SIGTERM");
  });

  test("runs for an ordinary user, and then for root on the same data, from the programs in their place", async () => {
    const directory = await makeDirectory();
    const project = copyProject(directory);
    const node = openToEveryone(directory);
    const dataDir = join(directory, ".data");
    await mkdir(dataDir, { mode: 0o700 });
    await chown(dataDir, DAEMON.uid, DAEMON.gid);
    for (const account of [DAEMON, { uid: 0, gid: 0 }]) {
      const server = await spawnServer(dataDir, { project, node, account });
      expect(await query(server.outcome.url ?? "", "SELECT current_user AS name")).toEqual([{ name: "postgres" }]);
      expect((await stat(join(dataDir, "postgres"))).uid).toBe(DAEMON.uid);
      expect(await readdir(dataDir)).not.toContain("postgres-programs");
      await server.end("SIGTERM");
    }
  });
});
