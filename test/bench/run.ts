import { startBenchDatabase } from "./bench-database.ts";
import { benchPrisma } from "./bench-prisma.ts";

const database = await startBenchDatabase();
try {
  for (const bench of [benchPrisma]) console.log(["", ...(await bench(database)), ""].join("\n"));
} finally {
  await database.stop();
}
