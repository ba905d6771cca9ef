import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createDecisionLog, type Decision, type ReadPolicy } from "../../server/audit/decision-log.ts";
import { openSpool, readSpoolFile } from "../../server/audit/spool.ts";
import { resolveSpoolDirectory } from "../../server/audit/spool-directory.ts";
import { readDatabaseIdentity } from "../../server/db/database-identity.ts";
import type { DecisionRow } from "../../server/db/decision-insert.ts";
import { withConnection } from "../support/connection.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith, testEnv } from "../support/services.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";

const decision: Decision = {
  workspaceId: "w",
  principalKind: "session",
  principalId: "u",
  procedure: "workspaces.agents.list",
  agentId: null,
  source: "cache",
  requestId: "r",
  latencyUs: 7,
};

describe("the log of decisions", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "parlant-decisions-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function makeLog(policy: ReadPolicy, database: { refuses?: (row: DecisionRow) => object | undefined }, maxBytes = 1_000_000) {
    const written: DecisionRow[] = [];
    const logged: string[] = [];
    const spool = openSpool({ directory, maxBytes, rotateBytes: 500 });
    const decisions = createDecisionLog({
      spool,
      async insert(rows) {
        for (const row of rows) {
          const refusal = database.refuses?.(row);
          if (refusal) throw Object.assign(new Error("refused"), refusal);
        }
        written.push(...rows);
      },
      policy,
      clock: { now: () => 1_800_000_000_000 },
      log: pino({ base: null }, { write: (line: string) => logged.push(line) }),
    });
    return { decisions, written, logged };
  }
  const isAway = () => ({ code: "ECONNREFUSED" });

  test("under `available` reads go on while the database is away, and every decision is written once it is back", async () => {
    const database: { refuses?: () => object | undefined } = { refuses: isAway };
    const { decisions, written } = makeLog("available", database);
    for (let count = 0; count < 20; count++) {
      decisions.assertReadable();
      decisions.record({ ...decision, latencyUs: count });
    }
    await expect(decisions.flush()).rejects.toThrow();
    expect(() => decisions.assertReadable()).not.toThrow();
    delete database.refuses;
    await decisions.flush();
    expect(written.map(({ latencyUs }) => latencyUs)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(written[0]).toMatchObject({ ...decision, latencyUs: 0, outcome: "allow", occurredAt: new Date(1_800_000_000_000) });
    expect(decisions.counters).toEqual({ spooled: 20, written: 20, lost: 0 });
    await decisions.close();
  });

  test("under `required` reads are refused while decisions do not reach the database", async () => {
    const database: { refuses?: () => object | undefined } = { refuses: isAway };
    const { decisions } = makeLog("required", database);
    decisions.record(decision);
    expect(() => decisions.assertReadable()).not.toThrow();
    await expect(decisions.flush()).rejects.toThrow();
    expect(() => decisions.assertReadable()).toThrow(expect.objectContaining({ code: "SERVICE_UNAVAILABLE" }));
    delete database.refuses;
    await decisions.flush();
    expect(() => decisions.assertReadable()).not.toThrow();
    await decisions.close();
  });

  test("a full spool refuses reads under `required`, and is counted and logged under `available`", async () => {
    const strict = makeLog("required", { refuses: isAway }, 200);
    const lenient = makeLog("available", { refuses: isAway }, 200);
    const fill = (decisions: typeof strict.decisions) => {
      for (let count = 0; count < 10; count++) decisions.record(decision);
    };
    expect(() => fill(strict.decisions)).toThrow(expect.objectContaining({ code: "SERVICE_UNAVAILABLE" }));
    expect(() => fill(lenient.decisions)).not.toThrow();
    expect(lenient.decisions.counters.lost).toBe(10 - lenient.decisions.counters.spooled);
    expect(lenient.decisions.counters.lost).toBeGreaterThan(0);
    expect(lenient.logged.join("")).toContain("takes no more decisions");
    await Promise.all([strict.decisions.close(), lenient.decisions.close()]);
  });

  test("a row that the database will never take is set aside and told, and holds up no other", async () => {
    const refuses = (row: DecisionRow) => (row.latencyUs === 3 ? { code: "22P02" } : undefined);
    const { decisions, written, logged } = makeLog("available", { refuses });
    for (let count = 0; count < 8; count++) decisions.record({ ...decision, latencyUs: count });
    await decisions.flush();
    expect(written.map(({ latencyUs }) => latencyUs)).toEqual([0, 1, 2, 4, 5, 6, 7]);
    expect(decisions.counters.lost).toBe(1);
    expect(logged.join("")).toContain("refuses");
    await decisions.close();
  });

  test("what a closing log could not write stays on the disk", async () => {
    const first = makeLog("available", { refuses: isAway });
    first.decisions.record(decision);
    await first.decisions.close();
    expect(first.written).toEqual([]);
    const [owner = ""] = readdirSync(directory);
    const [file = ""] = readdirSync(join(directory, owner));
    expect(readSpoolFile(join(directory, owner, file)).records).toHaveLength(1);
  });

  test("a damaged and an unreadable file are kept and told, and hold up no other", async () => {
    const database: { refuses?: () => object | undefined } = { refuses: isAway };
    const { decisions, written, logged } = makeLog("required", database);
    for (let count = 0; count < 12; count++) decisions.record({ ...decision, latencyUs: count });
    await expect(decisions.flush()).rejects.toThrow();
    const [owner = ""] = readdirSync(directory);
    const [first = "", second = "", ...others] = readdirSync(join(directory, owner)).sort();
    expect(others.length).toBeGreaterThan(0);
    const file = (name: string) => join(directory, owner, name);
    const inFirst = readSpoolFile(file(first)).records.length;
    const inSecond = readSpoolFile(file(second)).records.length;
    const spoilt = readFileSync(file(first));
    spoilt.writeUInt8(0x40, 3); // the length of the first record
    writeFileSync(file(first), spoilt);
    rmSync(file(second));
    mkdirSync(file(second));
    delete database.refuses;
    await decisions.flush();
    expect(written).toHaveLength(12 - inFirst - inSecond);
    expect(decisions.counters.lost).toBe(2);
    expect(logged.join("")).toContain(`"damagedBytes":${spoilt.length}`);
    expect(logged.join("")).toContain("EISDIR");
    expect(readdirSync(join(directory, owner)).sort()).toEqual([`${first}.damaged`, `${second}.damaged`]);
    expect(readFileSync(file(`${first}.damaged`))).toEqual(spoilt);
    expect(() => decisions.assertReadable()).not.toThrow();
    decisions.record(decision);
    await decisions.flush();
    expect(decisions.counters.lost).toBe(2);
    await decisions.close();
  });

  test("a log that closes while the database says nothing waits a few seconds, and all stays on the disk", async () => {
    vi.useFakeTimers();
    try {
      const logged: string[] = [];
      const decisions = createDecisionLog({
        spool: openSpool({ directory, maxBytes: 1_000_000, rotateBytes: 500 }),
        insert: () => new Promise(() => {}),
        policy: "available",
        clock: { now: () => 1_800_000_000_000 },
        log: pino({ base: null }, { write: (line: string) => logged.push(line) }),
      });
      decisions.record(decision);
      const closing = decisions.close();
      await vi.advanceTimersByTimeAsync(5_000);
      await closing;
      const [owner = ""] = readdirSync(directory);
      const [file = ""] = readdirSync(join(directory, owner));
      expect(readSpoolFile(join(directory, owner, file)).records).toHaveLength(1);
      expect(logged.join("")).toContain("stay spooled for the next start");
    } finally {
      vi.useRealTimers();
    }
  });

  test("databases do not share a spool, and one that is reached by another address keeps its own", () => {
    const warnings: string[] = [];
    const log = pino({ base: null }, { write: (line: string) => warnings.push(line) });
    const of = (url: string, identity: string | null) => resolveSpoolDirectory(directory, url, identity, log);
    const [one, other] = ["postgresql://a:x@db:5432/sim", "postgresql://b:y@db:5433/sim"] as const;
    expect(of(one, "cluster/1")).toBe(of(other, "cluster/1"));
    expect(of(one, "cluster/1")).not.toBe(of(one, "cluster/2"));
    expect(of(one, null)).not.toBe(of(other, null));
    expect(warnings).toEqual([]);
  });

  test("a spool that falls back to the temporary directory is warned of", () => {
    const warnings: string[] = [];
    const log = pino({ base: null }, { write: (line: string) => warnings.push(line) });
    writeFileSync(join(directory, "audit-spool"), "in the way");
    const found = resolveSpoolDirectory(directory, "postgresql://a:x@db:5432/sim", `of-${directory}`, log);
    expect(found.startsWith(directory)).toBe(false);
    rmSync(found, { recursive: true });
    expect(warnings.map((line) => JSON.parse(line))).toMatchObject([{ level: 40, directory: found }]);
  });

  test("what a process left that died while others serve on is written by them", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const { decisions, written } = makeLog("available", {});
      const [own = ""] = readdirSync(directory);
      const dying = openSpool({ directory, maxBytes: 1_000_000, rotateBytes: 500 });
      const [died = ""] = readdirSync(directory).filter((name) => name !== own);
      const record = JSON.stringify(["w", "id", 1_800_000_000_000, "session", "u", "p", null, "cache", "r", 7]);
      dying.append(record);
      dying.takeFiles();
      renameSync(join(directory, died), join(directory, died.replace(/[^.]+\.\d+$/, "another-start.0")));
      await decisions.flush();
      expect(written).toEqual([]);
      vi.advanceTimersByTime(60_000);
      await decisions.flush();
      expect(written).toMatchObject([{ id: "id", workspaceId: "w" }]);
      expect(readdirSync(directory)).toEqual([own]);
      await decisions.close();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("the server", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server?.stop());

  async function stored(workspaceId: string) {
    await server.dependencies.services.audit.decisions.flush();
    return withConnection(server.database.superuserUrl, async (admin) => {
      const { rows } = await admin.query("select * from parlant.parlant_authz_decision where workspace_id = $1 order by id", [
        workspaceId,
      ]);
      return rows;
    });
  }

  test("the database is known by what it is", async () => {
    const known = await readDatabaseIdentity(server.dependencies.database.sim);
    expect(known).toMatch(/^\d+\/\d+$/);
  });

  test("every allowed read is a decision, a refused one, a change and a sensitive read are none", async () => {
    const workspace = await makeStaffedWorkspace(server.database.owner);
    const { agents, audit } = callerWith(server.dependencies, workspace.admin.headers, "request-9").workspaces;
    const { id: agentId } = await agents.create({ workspaceId: workspace.id, name: "Scout" });
    await agents.get({ workspaceId: workspace.id, agentId });
    await agents.list({ workspaceId: workspace.id });
    await audit.list({ workspaceId: workspace.id });
    await agents.get({ workspaceId: workspace.id, agentId: "01890000-0000-7000-8000-000000000000" }).catch(() => {});
    const common = { principal_kind: "session", principal_id: workspace.admin.id, outcome: "allow", request_id: "request-9" };
    const rows = await stored(workspace.id);
    expect(rows).toMatchObject([
      { ...common, procedure: "workspaces.agents.get", agent_id: agentId, source: "cache" },
      { ...common, procedure: "workspaces.agents.list", agent_id: null },
    ]);
    expect(rows[0].latency_us).toBeGreaterThan(0);
  });

  test("a decision is in the database by itself", async () => {
    const workspace = await makeStaffedWorkspace(server.database.owner);
    await callerWith(server.dependencies, workspace.reader.headers).workspaces.agents.list({ workspaceId: workspace.id });
    const count = () =>
      withConnection(server.database.superuserUrl, async (admin) => {
        const text = "select from parlant.parlant_authz_decision where workspace_id = $1";
        return (await admin.query(text, [workspace.id])).rowCount;
      });
    await expect.poll(count, { timeout: 5_000 }).toBe(1);
  });

  test("a batch that is written twice is there once", async () => {
    const row: DecisionRow = {
      ...decision,
      id: "01890000-0000-7000-8000-000000000001",
      occurredAt: new Date(0),
      outcome: "allow",
    };
    await server.dependencies.database.insertDecisions([row, { ...row, workspaceId: "other" }]);
    await server.dependencies.database.insertDecisions([row, { ...row, id: "01890000-0000-7000-8000-000000000002" }]);
    expect(await stored("w")).toHaveLength(2);
    expect(await stored("other")).toHaveLength(1);
  });

  test("a workspace sees its own decisions, and inside of it no other's is written", async () => {
    await withConnection(server.database.appUrl, async (app) => {
      const insert = (workspaceId: string) =>
        app.query(
          `insert into parlant.parlant_authz_decision values ($1, gen_random_uuid(), now(), '', '', '', null, 'allow', '', null, 0)`,
          [workspaceId],
        );
      await insert("inner");
      await insert("outer");
      expect((await app.query("select from parlant.parlant_authz_decision")).rowCount).toBe(0);
      await app.query("begin");
      await app.query("select parlant.parlant_enter_system('inner', 'test')");
      await insert("inner");
      expect((await app.query("select distinct workspace_id from parlant.parlant_authz_decision")).rows).toEqual([
        { workspace_id: "inner" },
      ]);
      await expect(insert("outer")).rejects.toMatchObject({ code: "42501" });
      await app.query("rollback");
    });
  });

  test("while the table takes nothing reads go on as the policy says", async () => {
    const { owner } = server.database;
    const workspace = await makeStaffedWorkspace(owner);
    const url = `${server.url}/api/v1/workspaces/${workspace.id}/agents`;
    const appRole = new URL(server.database.appUrl).username;
    const read = () => fetch(url, { headers: workspace.reader.headers }).then(({ status }) => status);
    await owner.query(`revoke insert on parlant.parlant_authz_decision from ${appRole}`);
    expect(await read()).toBe(200);
    await expect(server.dependencies.services.audit.decisions.flush()).rejects.toThrow();
    expect(await read()).toBe(200);
    const strict = await startStrict(server);
    const strictRead = () => callerWith(strict, workspace.reader.headers).workspaces.agents.list({ workspaceId: workspace.id });
    await strictRead();
    await expect(strict.services.audit.decisions.flush()).rejects.toThrow();
    await expect(strictRead()).rejects.toMatchObject({ cause: { code: "SERVICE_UNAVAILABLE" } });
    await owner.query(`grant insert on parlant.parlant_authz_decision to ${appRole}`);
    await strict.services.audit.decisions.flush();
    await strictRead();
    await strict.close();
    expect(await stored(workspace.id)).toHaveLength(4);
  });
});

async function startStrict(server: TestServer) {
  const { createDependencies } = await import("../../server/dependencies.ts");
  const env = testEnv(server.database.appUrl, { AUDIT_READ_POLICY: "required" });
  return createDependencies(env, server.dependencies.services.log);
}
