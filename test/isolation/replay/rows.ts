import type pg from "pg";
import type { Principal } from "../../../server/auth/principal.ts";
import { QUEUE_TABLES } from "../../../server/db/queue-tables.ts";
import type { Place } from "./place.ts";

interface Row {
  table: string;
  workspaceId: string | null;
  text: string;
}

/** Every row of Sim's tables and ours, as the superuser sees them: whose they are, and what stands in them. */
export async function allRows(superuser: pg.Client): Promise<Row[]> {
  const { rows: tables } = await superuser.query<{ name: string; table: string; scoped: boolean }>(
    `select c.oid::regclass::text as name, n.nspname || '.' || c.relname as table,
       exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'workspace_id') as scoped
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and not c.relispartition and n.nspname in ('public', 'parlant')
       and not (n.nspname = 'parlant' and c.relname = any ($1))`,
    // What the queue notes of itself is nobody's; its jobs are workspaces'.
    [QUEUE_TABLES.filter((table) => table !== "job")],
  );
  // A job says in its data which workspace it is for.
  const workspaceOf = (table: string, scoped: boolean) =>
    table === "parlant.job" ? "t.data->>'workspaceId'" : scoped ? "t.workspace_id::text" : "null";
  const each = tables.map(
    ({ name, table, scoped }) =>
      `select '${table}' as table, ${workspaceOf(table, scoped)} as "workspaceId", to_jsonb(t)::text as text from ${name} t`,
  );
  const { rows } = await superuser.query<Row>(each.join(" union all "));
  return rows;
}

/** The logs are appended to where a call is refused, in the workspace that it was aimed at. */
const LOGS = /^parlant\.parlant_(audit|authz)_/;

/** What differs between two readings outside the workspace: nothing, but for refusals that its log gained. */
export function changesOutside(workspaceId: string, before: readonly Row[], after: readonly Row[]): string[] {
  const outside = (rows: readonly Row[]) =>
    rows.filter((row) => !row.table.startsWith("parlant.") || row.workspaceId !== workspaceId);
  const key = ({ table, text }: Row) => `${table} ${text}`;
  const [known, present] = [new Set(outside(before).map(key)), new Set(outside(after).map(key))];
  return [
    ...outside(before)
      .filter((row) => !present.has(key(row)))
      .map((row) => `gone: ${key(row)}`),
    ...outside(after)
      .filter((row) => !known.has(key(row)) && !isLoggedRefusal(row))
      .map((row) => `came: ${key(row)}`),
  ];
}

function isLoggedRefusal({ table, text }: Row): boolean {
  const { outcome } = JSON.parse(text) as { outcome?: string };
  return LOGS.test(table) && (outcome === undefined || outcome === "denied");
}

const SHORTEST_SECRET = 8;
/** The kinds of principals stand in every workspace's log sooner or later, and are nobody's. */
const KINDS: readonly string[] = ["internal", "session", "personal_api_key", "workspace_api_key"] satisfies Principal["kind"][];
/** A time belongs to nobody: two rows of different workspaces may have been made in the same millisecond. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?$/;

/** Every text that stands in a row of a stranger's workspace or about its people, and in none of one's own. */
export function secretsFrom(rows: readonly Row[], mine: Place, strangers: readonly Place[]): string[] {
  const isOf = ({ workspaceId, organizationId, admin, reader }: Place, row: Row) =>
    row.workspaceId === workspaceId ||
    (row.workspaceId === null && [workspaceId, organizationId, admin.id, reader.id].some((id) => row.text.includes(id)));
  const textsOf = (place: Place) => rows.filter((row) => isOf(place, row)).flatMap(({ text }) => texts(JSON.parse(text)));
  const own = new Set(textsOf(mine));
  return [...new Set(strangers.flatMap(textsOf))].filter(
    (text) => text.length >= SHORTEST_SECRET && !TIME.test(text) && !KINDS.includes(text) && !own.has(text),
  );
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}
