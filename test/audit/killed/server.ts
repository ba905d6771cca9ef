import { createDecisionLog } from "../../../server/audit/decision-log.ts";
import type { Spool } from "../../../server/audit/spool.ts";
import { createTrailQueue } from "../../../server/audit/trail-queue.ts";
import { createDependencies } from "../../../server/dependencies.ts";
import { createLogger } from "../../../server/shared/logger.ts";
import { serveForParent } from "../../support/serve-for-parent.ts";
import { testEnv } from "../../support/services.ts";

/** The server that is killed: started by kill-nine.test.ts, which it tells its port. */
const [databaseUrl, dataDir, kind] = process.argv.slice(2);
if (!databaseUrl || !dataDir || (kind !== "disk" && kind !== "memory"))
  throw new Error("usage: server.ts <url> <data dir> disk|memory");

const env = testEnv(databaseUrl, { PARLANT_DATA_DIR: dataDir, RATE_LIMIT_PER_MINUTE: "0" });
const log = createLogger("error");
const dependencies = await createDependencies(env, log);
const { services, database } = dependencies;
const { openWorkspace } = database;
const { clock, sim, workspaceKeys, audit } = services;
const inMemory = () => ({ spool: memorySpool(), clock, log });
const forgetful = {
  decisions: createDecisionLog({ ...inMemory(), insert: database.insertDecisions, policy: "available" }),
  trail: createTrailQueue({ ...inMemory(), openWorkspace, workspaceKeys, sim }),
};
await serveForParent({ ...services, audit: kind === "disk" ? audit : { ...audit, ...forgetful } }, log);

/** A spool as it must not be: what it holds ends with the process. */
function memorySpool(): Spool {
  const files = new Map<string, string[]>([["0", []]]);
  return {
    append: (record) => files.get("0")?.push(record),
    takeFiles() {
      const records = files.get("0") ?? [];
      if (records.length > 0) files.set(String(files.size + Math.random()), records);
      files.set("0", []);
      return [...files.keys()].filter((name) => name !== "0");
    },
    adoptOrphans() {},
    read: (file) => ({ records: files.get(file) ?? [], damagedBytes: 0 }),
    remove: (file) => files.delete(file),
    setAside: (file) => files.delete(file),
    size: () => 0,
    close() {},
  };
}
