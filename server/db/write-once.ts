import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { link, open, rm } from "node:fs/promises";

/**
 * The file exists, complete and readable by this account alone: with this text if it was absent, untouched otherwise.
 * Of several writers one wins; a reader never sees half of it.
 */
export async function writeOnce(file: string, text: string): Promise<void> {
  if (existsSync(file)) return;
  const draft = `${file}.${randomBytes(6).toString("hex")}.new`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
    await handle.close();
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
