import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFile, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportWorkspace } from "../../../server/sim-integration/purge/export-workspace.ts";
import { restoreWorkspace } from "../../../server/sim-integration/purge/restore-workspace.ts";
import { readTrail } from "../../support/audit-trail.ts";
import { withConnection } from "../../support/connection.ts";
import { makeWorkspace } from "../../support/database.ts";
import { callerWith, testEnv } from "../../support/services.ts";
import { countRows, readRows } from "./canary.ts";
import { type PurgeFixture, startPurgeFixture } from "./fixture.ts";

let world: PurgeFixture;
beforeAll(async () => {
  world = await startPurgeFixture();
});
afterAll(() => world?.stop());

const CANARY = "canary";
const RESTORED = [
  "parlant_agent",
  "parlant_agent_counter",
  "parlant_agent_grant",
  "parlant_event",
  "parlant_guideline",
  "parlant_session",
];

const restore = (file: string, workspaceId: string) => restoreWorkspace(world.access, { file, workspaceId });

/** The rows of an export, by table, as the texts that they are; those that a restore brings back. */
async function readExport(file: string): Promise<Record<string, string[]>> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line.startsWith('{"table"'));
  return Object.fromEntries(RESTORED.map((table) => [table, lines.filter((line) => line.startsWith(`{"table":"${table}"`))]));
}

/** A workspace full of rows, archived in Sim and exported. */
async function exportFull() {
  const workspace = await world.makeFull(CANARY);
  await withConnection(world.database.superuserUrl, (admin) =>
    admin.query(
      `UPDATE parlant.parlant_agent SET metadata = '{"big": 123456789012345678901234567890.10, "line": "a\\nb\\r\\u2028{\\"row\\":1}"}' WHERE workspace_id = $1`,
      [workspace.id],
    ),
  );
  await world.archive(workspace.id);
  return { workspace, stored: await exportWorkspace(world.access, workspace.id, world.exportDirectory) };
}

test("an export, a purge and a restore leave what there was: only keys, their boundaries and the evidence are others", async () => {
  const { workspace, stored } = await exportFull();
  const { id } = workspace;
  const before = await countRows(world.database, id);
  await world.purge(id);
  await world.restoreInSim(id);
  const { rows, exportedFrom } = await restore(stored.file, id);
  expect(exportedFrom).toBe(id);
  expect(rows).toEqual(Object.fromEntries(RESTORED.map((table) => [table, before[table]])));
  const again = await exportWorkspace(world.access, id, world.exportDirectory);
  expect(await readExport(again.file)).toEqual(await readExport(stored.file));
  expect(JSON.stringify(await readExport(again.file))).toContain("123456789012345678901234567890.10");
  // Not brought back: kept answers and decisions; the audit log went on by itself, and says what happened.
  expect(await countRows(world.database, id)).toMatchObject({ parlant_idempotency_key: 0, parlant_authz_decision: 0 });
  const trail = await readTrail(world.database, id);
  expect(trail.slice(-3).map(({ action }) => action)).toEqual(["workspace.purge_started", "workspace.purge", "workspace.import"]);
  expect(trail.at(-1)?.after).toEqual({ exportedFrom: id, sha256: stored.sha256, rows });
  expect(await world.verify(id)).toMatchObject({ valid: true, unsealedEvents: 0 });
  // Vouched for by other keys are those that were vouched for; the others are shown to nobody, as before.
  const { agents } = callerWith(world.dependencies, workspace.writer.headers).workspaces;
  const listed = await agents.list({ workspaceId: id });
  expect(listed.data).toMatchObject([{ name: `${CANARY} kept`, isolation: { verified: true } }]);
});

test("a file has everything but the keys, is its owner's alone, and has the contents of the audit trail in the clear", async () => {
  const { workspace, stored } = await exportFull();
  const text = await readFile(stored.file, "utf8");
  const lines = text.trimEnd().split("\n");
  const manifest = JSON.parse(lines.at(-1) ?? "");
  const counts = await countRows(world.database, workspace.id);
  const { _prisma_migrations: _, ...tables } = counts;
  expect(manifest.rows).toEqual(tables);
  const body = text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1);
  expect(manifest.sha256).toBe(createHash("sha256").update(body).digest("hex"));
  expect((await stat(stored.file)).mode & 0o777).toBe(0o600);
  expect((await readdir(world.exportDirectory)).filter((name) => name.endsWith(".part"))).toEqual([]);
  const header = JSON.parse(lines[0] ?? "");
  expect(JSON.stringify(header.tables)).not.toMatch(/key_salt|boundary/);
  const created = lines.map((line) => JSON.parse(line)).find(({ row }) => row?.action === "agent.create" && row.after);
  expect(created.row.after).toMatchObject({ name: `${CANARY} agent` });
  const [state] = await withConnection(world.database.superuserUrl, async (admin) => {
    const { rows } = await admin.query("SELECT key_salt FROM parlant.parlant_workspace_state WHERE workspace_id = $1", [
      workspace.id,
    ]);
    return rows;
  });
  expect(text).not.toContain(state.key_salt.toString("hex"));
});

test("a workspace whose id is a path is exported into the directory, and two that look alike into two files", async () => {
  const ids = ["../../etc/passwd", "..%2F..%2Fetc/passwd", `${"../".repeat(300)}\n\u0001😀`, "CON", ""].slice(0, 4);
  const before = new Set(await readdir(world.exportDirectory));
  for (const id of ids) {
    await makeWorkspace(world.database.owner, { id, ownerId: (await world.makeFull(CANARY, 1)).admin.id });
    await exportWorkspace(world.access, id, world.exportDirectory);
  }
  const made = (await readdir(world.exportDirectory)).filter((name) => !before.has(name));
  expect(made).toHaveLength(4);
  for (const name of made) expect(name).toMatch(/^[A-Za-z0-9_-]{1,60}\.\d{8}T\d{6}Z-[0-9a-f]{6}\.ndjson$/);
});

test("another workspace takes it too, with boundaries of its own, by the command", { timeout: 60_000 }, async () => {
  const { workspace, stored } = await exportFull();
  const target = await makeWorkspace(world.database.owner, { ownerId: workspace.writer.id });
  const before = await readRows(world.database, workspace.id);
  const { code, output } = await runRestore([stored.file, target.id]);
  expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining("parlant_agent: 5") });
  const { agents } = callerWith(world.dependencies, workspace.writer.headers).workspaces;
  const { data } = await agents.list({ workspaceId: target.id });
  expect(data).toMatchObject([{ name: `${CANARY} kept`, isolation: { workspaceId: target.id, verified: true } }]);
  expect(await readRows(world.database, workspace.id)).toEqual(before);
  expect(await world.verify(target.id)).toMatchObject({ valid: true, checkedEvents: 1 });
  expect(await runRestore([stored.file, target.id])).toMatchObject({
    code: 1,
    output: expect.stringMatching(/The workspace has \d+ rows in parlant_\w+; only an empty one/),
  });
});

test("an archived workspace, one that Sim does not have, and bad usage are refused", { timeout: 60_000 }, async () => {
  const { workspace, stored } = await exportFull();
  await expect(restore(stored.file, workspace.id)).rejects.toThrow("Sim shows the workspace as archived");
  await expect(restore(stored.file, "no such workspace")).rejects.toThrow("Sim has no such workspace");
  expect(await runRestore([stored.file])).toMatchObject({ code: 78, output: expect.stringContaining("db:restore") });
});

test("a file that is damaged, cut, of another version or not one of ours writes nothing", async () => {
  const { workspace, stored } = await exportFull();
  const target = await makeWorkspace(world.database.owner, { ownerId: workspace.writer.id });
  const text = await readFile(stored.file, "utf8");
  const file = join(world.exportDirectory, "bent.ndjson");
  const lines = text.trimEnd().split("\n");
  const withHeader = (change: object) =>
    [JSON.stringify({ ...JSON.parse(lines[0] ?? ""), ...change }), ...lines.slice(1), ""].join("\n");
  const bent: [string, string, RegExp][] = [
    ["a letter is another", text.replace(`${CANARY} kept`, `${CANARY} kepz`), /damaged: it has another SHA-256/],
    ["a row is gone", lines.toSpliced(3, 1).join("\n").concat("\n"), /damaged/],
    [
      "a row is doubled",
      lines
        .toSpliced(3, 0, lines[3] ?? "")
        .join("\n")
        .concat("\n"),
      /damaged/,
    ],
    ["the manifest is gone", lines.slice(0, -1).join("\n").concat("\n"), /no manifest at its end/],
    ["the end is gone", text.slice(0, -40), /no end/],
    ["something follows", `${text}${lines[3]}\n`, /behind the manifest/],
    ["another version", withHeader({ version: 2 }), /version 2; this release reads version 1/],
    ["another format", withHeader({ format: "x" }), /is not the header/],
    ["nothing at all", "", /no manifest/],
    ["no JSON", "{\n", /is not the header/],
  ];
  for (const [what, content, message] of bent) {
    await writeFile(file, content);
    await expect(restore(file, target.id), what).rejects.toThrow(message);
  }
  // A column of a newer release: the manifest fits, and a part of each row would be lost.
  const newer = [withHeader({ tables: { parlant_agent: ["id", "mood"] } }).split("\n")[0], ...lines.slice(1, -1), ""].join("\n");
  const { rows } = JSON.parse(lines.at(-1) ?? "");
  await writeFile(file, newer);
  await appendFile(file, `${JSON.stringify({ rows, sha256: createHash("sha256").update(newer).digest("hex") })}\n`);
  await expect(restore(file, target.id)).rejects.toThrow("parlant_agent has no mood");
  expect(Object.values(await countRows(world.database, target.id)).filter(Boolean)).toEqual([]);
  // Control: the file as it was is taken.
  await writeFile(file, text);
  expect((await restore(file, target.id)).rows).toMatchObject({ parlant_agent: 5 });
});

function runRestore(args: string[]): Promise<{ code: unknown; output: string }> {
  const script = fileURLToPath(new URL("../../../server/db/restore-cli.ts", import.meta.url));
  const { ISOLATION_SECRET, BETTER_AUTH_SECRET, INTERNAL_JWT_SECRET } = testEnv(world.database.appUrl);
  const env = {
    PATH: process.env["PATH"],
    DATABASE_URL: world.database.appUrl,
    ISOLATION_SECRET: ISOLATION_SECRET.join(","),
    ...{ BETTER_AUTH_SECRET, INTERNAL_JWT_SECRET, SIM_WEBHOOK_SECRET: "webhook-secret-of-the-tests-0123456789abcd" },
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}
