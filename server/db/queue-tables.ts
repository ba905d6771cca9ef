import { USED_TOKEN_TABLE } from "./one-time-tokens.ts";

/**
 * The tables of the job queue's library (pg-boss), in our schema beside ours. Their rows are jobs, queues and what the
 * library notes of itself: ids of workspaces and deliveries, and never contents, so that they are no tenant's tables.
 */
export const QUEUE_TABLES = [
  "bam",
  "instance",
  "job",
  "job_common",
  "job_dependency",
  "queue",
  "queue_stats",
  "schedule",
  "subscription",
  "version",
  "warning",
] as const;

/** Tables of our schema that are no tenant's: the queue's, hashes of used tokens, and Prisma's record of what was migrated. */
export const NOT_TENANT_TABLES: readonly string[] = ["_prisma_migrations", USED_TOKEN_TABLE, ...QUEUE_TABLES];

/** The same as an SQL literal, for a comparison of relname with ALL of them. */
export const NOT_TENANT_TABLES_SQL = `'{${NOT_TENANT_TABLES.join(",")}}'::text[]`;

/** The library's functions, all of them with the caller's rights. */
export const QUEUE_FUNCTIONS = [
  "create_queue",
  "delete_queue",
  "job_now",
  "job_table_format",
  "job_table_run",
  "job_table_run_async",
] as const;

/** Those that hold jobs: a statement inside of a workspace sees and makes that workspace's alone. */
export const JOB_TABLES = ["job", "job_common"] as const;
