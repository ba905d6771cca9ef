import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyLog } from "../../../server/audit/verify-log.ts";
import { systemBinding } from "../../../server/db/system-binding.ts";
import type { Dependencies } from "../../../server/dependencies.ts";
import { purgedTables } from "../../../server/sim-integration/purge/purge-plan.ts";
import { type PurgeAccess, purgeWorkspace } from "../../../server/sim-integration/purge/purge-workspace.ts";
import { asOlderSim, createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { callerWith, createTestDependencies } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../../support/workspace.ts";
import { fillWithCanary } from "./canary.ts";

/** A server's parts with workspaces that are full and can be archived and purged. */
export interface PurgeFixture {
  database: TestDatabase;
  dependencies: Dependencies;
  exportDirectory: string;
  access: PurgeAccess;
  /** A workspace with so many rows in every table that a purge empties, the canary everywhere, and a sealed audit log. */
  makeFull(canary: string, rows?: number): Promise<TestWorkspace & { filled: string[] }>;
  archive(workspaceId: string): Promise<void>;
  restoreInSim(workspaceId: string): Promise<void>;
  purge(workspaceId: string, options?: Partial<PurgeAccess> & { isExportAsked?: boolean }): ReturnType<typeof purgeWorkspace>;
  /** The audit log as a process finds it that never sealed it. */
  verify(workspaceId: string, checkpoint?: string): ReturnType<typeof verifyLog>;
  stop(): Promise<void>;
}

/** Beside a Sim that has workspace.archived_at, unless it is to be an older one. */
export async function startPurgeFixture({ isOlderSim = false } = {}): Promise<PurgeFixture> {
  const database = await createTestDatabase();
  if (isOlderSim) await asOlderSim(database.owner);
  const exportDirectory = join(await mkdtemp(join(tmpdir(), "parlant-export-")), "exports");
  const dependencies = await createTestDependencies(database.appUrl, { EXPORT_DIR: exportDirectory });
  const access = dependencies.purge;
  const archive = async (workspaceId: string) => {
    await database.owner.query("UPDATE workspace SET archived_at = now() WHERE id = $1", [workspaceId]);
  };
  return {
    database,
    dependencies,
    exportDirectory,
    access,
    archive,
    async makeFull(canary, rows = 3) {
      const workspace = await makeStaffedWorkspace(database.owner);
      const { agents } = callerWith(dependencies, workspace.writer.headers).workspaces;
      const workspaceId = workspace.id;
      const { id: agentId, version } = await agents.create({ workspaceId, name: `${canary} agent`, metadata: { canary } });
      await agents.update({ workspaceId, agentId, version, description: canary });
      await agents.delete({ workspaceId, agentId });
      await agents.create({ workspaceId, name: `${canary} kept` });
      await dependencies.sealer.seal(workspaceId);
      const filled = await fillWithCanary(database, purgedTables(access.tenantTables), { workspaceId, canary, rows });
      return { ...workspace, filled };
    },
    async restoreInSim(workspaceId) {
      await database.owner.query("UPDATE workspace SET archived_at = NULL WHERE id = $1", [workspaceId]);
    },
    purge: (workspaceId, { isExportAsked = false, ...options } = {}) =>
      purgeWorkspace({ ...access, ...options }, { workspaceId, isExportAsked }),
    verify(workspaceId, checkpoint) {
      const db = dependencies.database.openWorkspace(systemBinding(workspaceId, "audit"));
      const { keys } = dependencies.services.auditLogSeal;
      return verifyLog(db, { workspaceId, keys, checkpoint, known: undefined });
    },
    async stop() {
      await dependencies.close();
      await database.drop();
      await rm(join(exportDirectory, ".."), { recursive: true, force: true });
    },
  };
}
