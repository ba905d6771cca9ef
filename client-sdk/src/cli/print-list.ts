import type { CommandContext } from "./command.ts";
import { toTable } from "./table.ts";

const MAX_LIMIT = 1_000_000;

/** Writes a list to its end, or to --limit: as JSON an item a line as they come, for people as one table. */
export async function printList<Item>(
  { flags, output }: CommandContext,
  items: AsyncIterable<Item>,
  { heads, row }: { heads: readonly string[]; row(item: Item): readonly unknown[] },
): Promise<void> {
  const limit = flags.integer("limit", { min: 1, max: MAX_LIMIT }) ?? Number.POSITIVE_INFINITY;
  const rows: (readonly unknown[])[] = [];
  let count = 0;
  for await (const item of items) {
    count += 1;
    if (output.isJson) await output.value(item, () => "");
    else rows.push(row(item));
    output.progress(`${count} so far`);
    if (count >= limit) break;
  }
  if (!output.isJson) await output.text(`${toTable(heads, rows)}\n`);
}
