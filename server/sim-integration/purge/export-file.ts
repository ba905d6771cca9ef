import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const PART = ".part";

/** A name for a workspace's files that is no path, whatever its id is: what can be read of the id, and its hash. */
export function fileNameOf(workspaceId: string): string {
  const readable = workspaceId.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 40);
  return `${readable}-${createHash("sha256").update(workspaceId).digest("hex").slice(0, 16)}`;
}

/**
 * The file is complete and on the disk, readable by this account alone, when this resolves to its path; until then it has
 * another name.
 * @throws what the disk or `chunks` throws: then there is no file
 */
export async function writeExportFile(
  directory: string,
  { workspaceId, at }: { workspaceId: string; at: Date },
  chunks: AsyncIterable<string>,
): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const prefix = fileNameOf(workspaceId);
  const time = at.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const file = join(directory, `${prefix}.${time}-${randomBytes(3).toString("hex")}.ndjson`);
  const part = `${file}${PART}`;
  const handle = await open(part, "wx", 0o600);
  try {
    for await (const chunk of chunks) await handle.writeFile(chunk);
    await handle.sync();
    await handle.close();
    await rename(part, file);
    await syncDirectory(directory);
  } catch (error) {
    await handle.close().catch(() => {}); // it may be closed; what failed is told below
    await rm(part, { force: true });
    throw error;
  }
  return file;
}

/** What killed exports of the workspace left is gone; one that is still being written fails at its end. */
export async function removeUnfinished(directory: string, workspaceId: string): Promise<void> {
  const prefix = `${fileNameOf(workspaceId)}.`;
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const name of names) if (name.startsWith(prefix) && name.endsWith(PART)) await rm(join(directory, name), { force: true });
}

/** A name is lasting once its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
