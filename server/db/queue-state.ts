import type { SimReader } from "./sim-reader.ts";

/** How it stands with the jobs of one queue; sweeps have one, and what has failed for good is in one of its own. */
export interface QueueState {
  queue: string;
  waiting: number;
  active: number;
  /** Jobs that have failed for good; the queue keeps them for an hour. */
  failed: number;
  /** Age of the oldest job that is not done; 0 where there is none. */
  oldestSeconds: number;
  /** How long a job has been waiting past its time. */
  overdueSeconds: number;
}

/** So many jobs are looked at, that looking takes no longer the more there are. */
const MAX_JOBS = 50_000;

/** The state of each queue that has jobs. Outside of any workspace the queue's rows are all to be seen: ids, and no contents. */
export function readQueues(reader: SimReader): Promise<QueueState[]> {
  return reader.query<QueueState>({
    name: "queue_states",
    text: `SELECT name AS queue,
        count(*) FILTER (WHERE state IN ('created', 'retry'))::int AS waiting,
        count(*) FILTER (WHERE state = 'active')::int AS active,
        count(*) FILTER (WHERE state = 'failed')::int AS failed,
        coalesce(greatest(extract(epoch FROM now() - min(created_on) FILTER (WHERE state <> 'failed')), 0), 0)::float8 AS "oldestSeconds",
        coalesce(greatest(extract(epoch FROM now() - min(start_after) FILTER (WHERE state IN ('created', 'retry'))), 0), 0)::float8
          AS "overdueSeconds"
      FROM (SELECT name, state, created_on, start_after FROM parlant.job
        WHERE state IN ('created', 'retry', 'active', 'failed') LIMIT $1) AS job
      GROUP BY name ORDER BY name`,
    values: [MAX_JOBS],
  });
}

/** How it stands with what Sim told of all of its workspaces. */
export interface InboxTotals {
  /** Deliveries that have failed for good and were neither sent again nor replayed. */
  dead: number;
  /** Age of the oldest one that is accepted and not carried out; 0 where there is none. */
  oldestSeconds: number;
}

/** Counted in each workspace that Sim has, by a look-up in it. */
export async function readInboxTotals(reader: SimReader): Promise<InboxTotals> {
  const [totals] = await reader.query<InboxTotals>({
    name: "inbox_totals",
    text: `SELECT coalesce(sum(f.dead), 0)::int AS dead,
        coalesce(greatest(extract(epoch FROM now() - min(f.waiting_since)), 0), 0)::float8 AS "oldestSeconds"
      FROM public.workspace w CROSS JOIN LATERAL parlant.parlant_inbox_facts(w.id) f`,
    values: [],
  });
  return totals ?? { dead: 0, oldestSeconds: 0 };
}
