import type { SimReader } from "./sim-reader.ts";

const AT_A_TIME = 200;

/** The ids of all of Sim's workspaces, archived ones too, in their order. */
export async function* eachWorkspace(sim: SimReader): AsyncGenerator<string> {
  for (let after = ""; ; ) {
    const rows = await sim.query<{ id: string }>({
      name: "each_workspace",
      text: "select id from public.workspace where id > $1 order by id limit $2",
      values: [after, AT_A_TIME],
    });
    for (const { id } of rows) yield id;
    const last = rows.at(-1);
    if (!last || rows.length < AT_A_TIME) return;
    after = last.id;
  }
}

/** Which of these ids Sim has a workspace by, archived ones too. */
export async function existingWorkspaces(sim: SimReader, ids: readonly string[]): Promise<Set<string>> {
  const rows = await sim.query<{ id: string }>({
    name: "existing_workspaces",
    text: "select id from public.workspace where id = any ($1::text[])",
    values: [[...new Set(ids)]],
  });
  return new Set(rows.map(({ id }) => id));
}
