import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { type Consumer, installConsumer } from "../consumer.ts";
import { jsonLines, programOf, says } from "./program.ts";

let server: TestServer;
let consumer: Consumer;

beforeAll(async () => {
  [server, consumer] = await Promise.all([startTestServer(), installConsumer()]);
}, 180_000);
afterAll(async () => {
  await consumer?.remove();
  await server?.stop();
});

const { cli, client, openSession, start } = programOf(
  () => consumer,
  () => server,
);

test("is what npx runs: the package's program has the package's own name, and says how it is used", async () => {
  const { bin, version } = JSON.parse(await readFile(join(consumer.package, "package.json"), "utf8"));
  expect(bin["parlant-client"]).toBe("bin/parlant-client.js");
  expect(await cli(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  for (const args of [["--help"], ["help"], ["agents", "list", "--help"], ["sessions", "tail", "-h"]]) {
    const { code, out, err } = await cli(args, { SIM_API_KEY: "" });
    expect([args, code, err]).toEqual([args, 0, ""]);
    expect(out).toContain("Exit codes: 0 done");
  }
  const { code, out } = await cli([]);
  expect(code).toBe(2);
  for (const name of ["whoami", "agents update", "sessions tail", "audit verify", "webhooks send", "isolation health"]) {
    expect(out).toContain(`parlant-client ${name}`);
  }
});

test("whoami tells who calls in each workspace, of a key or of a token", async () => {
  const { id, admin, reader } = server.workspace;
  const found = await cli(["whoami", "--json"]);
  expect(jsonLines(found)).toMatchObject([{ workspaceId: id, principal: { kind: "personal_api_key" }, permission: "admin" }]);
  const token = reader.headers["authorization"]?.replace("Bearer ", "") ?? "";
  const table = await cli(["whoami", "-w", id, "-w", id], { SIM_API_KEY: "", SIM_TOKEN: token });
  expect(table.out.split("\n")).toEqual([
    expect.stringMatching(/^WORKSPACE +AS +ID +PERMISSION +ON AGENTS$/),
    expect.stringMatching(new RegExp(`^${id} +session +${reader.id} +read +view$`)),
    expect.stringContaining(reader.id),
    "",
  ]);
  expect(jsonLines(found)[0]).toMatchObject({ principal: { userId: admin.id } });
});

describe("agents", () => {
  test("are created of flags and JSON, listed, changed and deleted", async () => {
    const name = `Scout ${randomUUID()}`;
    const data = JSON.stringify({ name: "not this one", description: "Finds things", metadata: { a: [1] } });
    const args = [
      "agents",
      "create",
      "--name",
      name,
      "--tag",
      "a",
      "--tag",
      "b",
      "--temperature",
      "0.2",
      "--data",
      "-",
      "--json",
    ];
    const made = await cli(args, {}, data);
    expect(made).toMatchObject({ code: 0, err: "" });
    const [agent] = jsonLines(made);
    expect(agent).toMatchObject({ name, description: "Finds things", tags: ["a", "b"], temperature: 0.2, metadata: { a: [1] } });
    const id = String(agent?.["id"]);

    await writeFile(join(consumer.dir, "changes.json"), '{"description":null}');
    const changed = await cli([
      "agents",
      "update",
      id,
      "--data",
      "changes.json",
      "--status",
      "inactive",
      "--version",
      "1",
      "--json",
    ]);
    expect(jsonLines(changed)).toMatchObject([{ id, description: null, status: "inactive", version: 2 }]);
    const stale = await cli(["agents", "update", id, "--name", "Other", "--version", "1"]);
    expect([stale.code, stale.out]).toEqual([1, ""]);
    expect(stale.err).toMatch(/^parlant-client: .+\n {2}CONFLICT, request [\w-]+\n$/);

    expect(jsonLines(await cli(["agents", "get", id, "--json"]))).toMatchObject([{ id, name }]);
    const shown = await cli(["agents", "get", id]);
    expect(shown.out).toMatch(new RegExp(`^name +${name}$`, "m"));
    expect((await cli(["agents", "list", "--search", name])).out).toMatch(
      new RegExp(`^ID +NAME.*\n${id} +${name} +inactive +manage`),
    );
    expect(jsonLines(await cli(["agents", "delete", id, "--json"]))).toMatchObject([{ id, deletedAt: expect.any(String) }]);
    expect(await cli(["agents", "get", id])).toMatchObject({ code: 3, out: "" });
  });

  test("are listed over all pages, or as far as is asked for, one JSON value a line", async () => {
    const tag = randomUUID();
    for (let index = 0; index < 55; index++) await client().agents.create({ name: `${tag} ${index}`, tags: [tag] });
    const all = jsonLines(await cli(["agents", "list", "--tag", tag, "--json"]));
    expect(new Set(all.map(({ id }) => id)).size).toBe(55);
    expect(jsonLines(await cli(["agents", "list", "--tag", tag, "--json", "--limit", "3"]))).toHaveLength(3);
    expect((await cli(["agents", "list", "--tag", "nobody's"])).out).toMatch(/^ID +NAME.*\n$/);
  });
});

describe("sessions", () => {
  test("are listed, and the last events of one shown", async () => {
    const { sessionId, agentId } = await openSession();
    for (let index = 0; index < 130; index++) await client().events.append(sessionId, says(`words ${index}`));
    expect((await cli(["sessions", "list", "--agent", agentId])).out).toMatch(
      new RegExp(`${sessionId} +${agentId} +A conversation`),
    );
    const last = await cli(["sessions", "tail", sessionId, "-n", "2"]);
    expect(last.out).toMatch(/^\S+Z {3}128 {2}customer message {2}words 128\n\S+Z {3}129 {2}customer message {2}words 129\n$/);
    const most = jsonLines(await cli(["sessions", "tail", sessionId, "--lines", "125", "--json"]));
    expect(most.map(({ offset }) => offset)).toEqual(Array.from({ length: 125 }, (_, index) => index + 5));
    expect(jsonLines(await cli(["sessions", "tail", sessionId, "--json"]))).toHaveLength(20);
  });

  test("are followed until Ctrl-C, which leaves nothing behind", async () => {
    const { sessionId } = await openSession();
    await client().events.append(sessionId, says("before"));
    const child = start(["sessions", "tail", sessionId, "-f", "--json"]);
    for (const message of ["first", "second"]) {
      const came = once(child.stdout as NonNullable<typeof child.stdout>, "data");
      await came;
      await client().events.append(sessionId, says(message));
    }
    await once(child.stdout as NonNullable<typeof child.stdout>, "data");
    child.kill("SIGINT");
    const { code, out, err } = await child.ended;
    expect([code, err]).toEqual([130, ""]);
    expect(jsonLines({ code, out, err }).map(({ data }) => (data as { message: string }).message)).toEqual([
      "before",
      "first",
      "second",
    ]);
  });

  test("are not followed further for a reader that has gone, and that is no failure", async () => {
    const { sessionId } = await openSession();
    await client().events.append(sessionId, says("before"));
    const child = start(["sessions", "tail", sessionId, "-f"]);
    await once(child.stdout as NonNullable<typeof child.stdout>, "data");
    child.stdout?.destroy();
    let isRunning = true;
    void child.ended.then(() => {
      isRunning = false;
    });
    while (isRunning) await client().events.append(sessionId, says("after"));
    expect(await child.ended).toMatchObject({ code: 0, err: "" });
  });

  test("show what anybody wrote without letting it act upon the terminal", async () => {
    const { sessionId } = await openSession();
    const message = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202eevil\r\nsecond line";
    await client().events.append(sessionId, says(message));
    const acts = /[^\P{Cc}\n]|\p{Cf}/u;
    // Control: that is what is stored, and what a program gets.
    expect(message).toMatch(acts);
    const { out } = await cli(["sessions", "tail", sessionId]);
    expect(out).not.toMatch(acts);
    expect(out).toMatch(/^\S+ +0 {2}customer message {2}\\u\{1b\}\]0;owned\\u\{7\}.*\\r\\nsecond line\n$/);
    const json = await cli(["sessions", "tail", sessionId, "--json"]);
    expect(json.out).not.toMatch(acts);
    expect(jsonLines(json)).toMatchObject([{ data: { message } }]);
  });
});

describe("audit", () => {
  test("is verified by the server, exported, and verified here with the key alone", async () => {
    await client().agents.create({ name: `Audited ${randomUUID()}` });
    await server.dependencies.sealer.seal(server.workspace.id);
    const verified = await cli(["audit", "verify", "--json"]);
    const [{ valid, publicKey }] = jsonLines(verified) as [{ valid: boolean; publicKey: string }];
    expect([verified.code, valid]).toEqual([0, true]);
    expect((await cli(["audit", "verify"])).out).toMatch(/^log +VALID$/m);

    const exported = await cli(["audit", "export", "--output", "log.ndjson"]);
    expect(exported).toMatchObject({ code: 0, out: "", err: expect.stringMatching(/^exported [\d,]+ bytes\n$/) });
    const file = join(consumer.dir, "log.ndjson");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await cli(["audit", "verify", "log.ndjson", "--key", publicKey], { SIM_API_KEY: "" })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^VALID workspace /),
    });
    await writeFile(join(consumer.dir, "bent.ndjson"), (await readFile(file, "utf8")).replace("agent.create", "agent.delete"));
    const bent = await cli(["audit", "verify", "bent.ndjson", "--key", publicKey, "--json"]);
    expect([bent.code, jsonLines(bent)]).toMatchObject([1, [{ valid: false }]]);

    const csv = await cli(["audit", "export", "--format", "csv", "--quiet", "--action", "agent.create"]);
    await writeFile(join(consumer.dir, "log.csv"), csv.out);
    expect(csv.err).toBe("");
    expect(await cli(["audit", "verify", "log.csv", "--key", publicKey])).toMatchObject({ code: 0 });
    expect((await cli(["audit", "verify", "log.csv"])).code).toBe(2);
    expect((await cli(["audit", "verify", "log.csv", "--key", "no key"])).code).toBe(2);
    expect((await cli(["audit", "verify", "nothing.csv", "--key", publicKey])).code).toBe(1);
  });

  test("that cannot be exported to its end leaves no file", async () => {
    const before = (await readdir(consumer.dir)).sort();
    const { code, err } = await cli(["audit", "export", "-o", "never.ndjson"], { SIM_WORKSPACE_ID: "another" });
    expect([code, err]).toEqual([3, expect.stringContaining("NOT_FOUND")]);
    expect((await cli(["audit", "export", "-o", "no/such/folder"])).code).toBe(1);
    expect((await readdir(consumer.dir)).sort()).toEqual(before);
  });
});

test("analytics are shown with how they went, and by agent", async () => {
  const { sessionId, agentId } = await openSession();
  await client().events.append(sessionId, says("hello"));
  const shown = await cli(["analytics", "overview", "--period", "7d", "--timezone", "Asia/Kathmandu"]);
  expect(shown).toMatchObject({ code: 0, err: "" });
  expect(shown.out).toMatch(/^range +\S+Z to \S+Z, Asia\/Kathmandu$/m);
  expect(shown.out).toMatch(/^WHAT +NOW +BEFORE +BY DAY\n(sessions started) +[1-9]\d* +0 +▁{6}█$/m);
  const [json] = jsonLines(await cli(["analytics", "overview", "--interval", "week", "--json"]));
  expect(json).toMatchObject({ timezone: "UTC", analyticsPeriod: "30d", series: expect.any(Array) });
  const byAgent = jsonLines(await cli(["analytics", "agents", "--json"]));
  expect(byAgent).toContainEqual(expect.objectContaining({ agentId, messages: 1, sessionsStarted: 1 }));
  expect((await cli(["analytics", "agents", "--limit", "1"])).out.split("\n")).toHaveLength(3);
  for (const wrong of [
    ["--period", "8d"],
    ["--from", "soon"],
    ["--period", "7d", "--from", "2026-01-01T00:00:00Z"],
  ]) {
    expect((await cli(["analytics", "overview", ...wrong])).code).toBe(2);
  }
});

test("webhooks are signed and sent, and refused where the secret is another", async () => {
  const { writer } = server.workspace;
  const delivery = randomUUID();
  const args = ["webhooks", "send", "workspace_updated", "--id", delivery, "--by", writer.id, "--json"];
  expect(jsonLines(await cli(args))).toEqual([{ deliveryId: delivery, duplicate: false }]);
  const update = ["webhooks", "send", "permission_update", "--user", writer.id, "--permission", "write"];
  expect((await cli(update)).out).toMatch(/^deliveryId +\S+\nduplicate +false\n$/);
  const deleted = await cli(["webhooks", "send", "workspace_deleted", "--data", "-"], {}, '{"deletion_mode":"archive"}');
  expect(deleted.code).toBe(0);
  const other = await cli(["webhooks", "send", "workspace_updated"], {
    SIM_WEBHOOK_SECRET: "another-secret-of-twenty-four-bytes",
  });
  expect([other.code, other.err]).toEqual([3, expect.stringContaining("UNAUTHORIZED")]);
  expect((await cli(["webhooks", "send", "workspace_exploded"])).code).toBe(2);
});

test("isolation health shows each check", async () => {
  const { code, out } = await cli(["isolation", "health"]);
  expect(code).toBe(0);
  expect(out).toMatch(/^CHECK +STATUS +MESSAGE$/m);
  const [health] = jsonLines(await cli(["isolation", "health", "--json"]));
  expect(health).toMatchObject({ workspaceId: server.workspace.id, checks: expect.any(Array) });
});
