import type { AddressInfo } from "node:net";
import { createApp } from "../../../server/app.ts";
import { createDecisionLog } from "../../../server/audit/decision-log.ts";
import type { Spool } from "../../../server/audit/spool.ts";
import { createDependencies } from "../../../server/dependencies.ts";
import { createLogger } from "../../../server/shared/logger.ts";
import { testEnv } from "../../support/services.ts";

/** The server that is killed: started by kill-nine.test.ts, which it tells its port. */
const [databaseUrl, dataDir, kind] = process.argv.slice(2);
if (!databaseUrl || !dataDir || (kind !== "disk" && kind !== "memory"))
  throw new Error("usage: server.ts <url> <data dir> disk|memory");

const env = testEnv(databaseUrl, { PARLANT_DATA_DIR: dataDir, RATE_LIMIT_PER_MINUTE: "0" });
const log = createLogger("error");
const dependencies = await createDependencies(env, log);
const { services, database } = dependencies;
const decisions =
  kind === "disk"
    ? services.audit.decisions
    : createDecisionLog({
        spool: memorySpool(),
        insert: database.insertDecisions,
        policy: "available",
        clock: services.clock,
        log,
      });
const app = await createApp({
  services: { ...services, audit: { ...services.audit, decisions } },
  basePath: "",
  allowedOrigins: new Set(),
  trustedProxies: [],
  rateLimitPerMinute: 0,
  checkReadiness: async () => ({ ready: true, checks: {} }),
  log,
});
await app.listen({ host: "127.0.0.1", port: 0 });
process.send?.((app.server.address() as AddressInfo).port);
// The parent's end, however it comes, ends this process too.
process.once("disconnect", () => process.exit(0));

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
