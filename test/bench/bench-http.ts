import autocannon from "autocannon";
import type { BenchDatabase } from "./bench-database.ts";
import { withMeasuredServer } from "./measured-server.ts";

const CONNECTIONS = 16;
const SECONDS_PER_TURN = 3;
const TURNS = 4;

/** agents.list of 20 rows over HTTP by REST and tRPC, against the bare minimum in the same process, in turns. */
export async function benchHttp(database: BenchDatabase): Promise<string[]> {
  return withMeasuredServer(database, async (ports) => {
    const input = encodeURIComponent(JSON.stringify({ json: { workspaceId: database.workspaceId, limit: 20 } }));
    const app = `http://127.0.0.1:${ports.app}/api`;
    const variants = [
      { name: "bare Fastify route, one prepared pg query", url: `http://127.0.0.1:${ports.bare}/agents` },
      { name: "REST agents.list", url: `${app}/v1/workspaces/${database.workspaceId}/agents?limit=20` },
      { name: "tRPC agents.list", url: `${app}/trpc/workspaces.agents.list?input=${input}` },
    ];
    const perSecond = new Map(variants.map(({ name }) => [name, [] as number[]]));
    for (let turn = -1; turn < TURNS; turn++) {
      for (const { name, url } of variants) {
        const result = await autocannon({
          url,
          headers: { authorization: database.bearer },
          connections: CONNECTIONS,
          duration: turn < 0 ? 2 : SECONDS_PER_TURN,
        });
        if (result.non2xx > 0 || result.errors > 0)
          throw new Error(`${name}: ${result.non2xx} refusals, ${result.errors} errors`);
        if (turn >= 0) perSecond.get(name)?.push(result.requests.average);
      }
    }
    const medians = variants.map(({ name }) => ({ name, median: median(perSecond.get(name) ?? []) }));
    const base = medians[0]?.median ?? Number.NaN;
    return [
      `| agents.list over HTTP, 20 rows, ${CONNECTIONS} connections | requests/s | of the bare route |`,
      "|---|---|---|",
      ...medians.map(({ name, median }) => `| ${name} | ${median.toFixed(0)} | ${((100 * median) / base).toFixed(0)} % |`),
    ];
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
