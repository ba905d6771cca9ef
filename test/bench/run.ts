import { benchAccess } from "./bench-access.ts";
import { benchAnalytics } from "./bench-analytics.ts";
import { benchAudit } from "./bench-audit.ts";
import { startBenchDatabase } from "./bench-database.ts";
import { benchEvents } from "./bench-events.ts";
import { benchHttp } from "./bench-http.ts";
import { benchPrisma } from "./bench-prisma.ts";
import { benchRefusals } from "./bench-refusals.ts";
import { benchSealedLog } from "./bench-sealed-log.ts";
import { benchStreams } from "./bench-streams.ts";
import { benchWebhooks } from "./bench-webhooks.ts";

const BENCHES = {
  prisma: benchPrisma,
  http: benchHttp,
  access: benchAccess,
  refusals: benchRefusals,
  analytics: benchAnalytics,
  audit: benchAudit,
  sealed: benchSealedLog,
  events: benchEvents,
  streams: benchStreams,
  webhooks: benchWebhooks,
};
const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) throw new Error(`Unknown bench "${unknown[0]}"; expected any of ${Object.keys(BENCHES).join(", ")}`);

const database = await startBenchDatabase();
try {
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (chosen.length === 0 || chosen.includes(name)) console.log(["", ...(await bench(database)), ""].join("\n"));
  }
} finally {
  await database.stop();
}
