import { createHash } from "node:crypto";
import { accessSync, constants, lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../shared/logger.ts";

/**
 * Where decisions for this database are spooled: under the data directory, or where that cannot be written under the
 * system's temporary one, which is warned of: that one may not outlive a container, and then what was spooled is lost with
 * it. What is spooled for one database never reaches another.
 *
 * @throws Error where neither is ours alone to write
 */
export function resolveSpoolDirectory(
  dataDir: string,
  databaseUrl: string,
  databaseIdentity: string | null,
  log: Pick<Logger, "warn">,
): string {
  const { hostname, port, pathname } = new URL(databaseUrl);
  // An address can change from start to start, as the embedded database's does, and what was spooled must be found again.
  const identity = databaseIdentity ?? `${hostname}:${port}${pathname}`;
  const database = createHash("sha256").update(identity).digest("hex").slice(0, 16);
  const problems: unknown[] = [];
  for (const base of [join(dataDir, "audit-spool"), join(tmpdir(), `parlant-audit-spool-${process.getuid?.() ?? "user"}`)]) {
    try {
      mkdirSync(base, { recursive: true, mode: 0o700 });
      assertOurs(base);
      const directory = join(base, database);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      accessSync(directory, constants.W_OK);
      if (problems.length > 0)
        log.warn(
          { directory, err: { message: String(problems[0]) } },
          `audit: ${dataDir} cannot be written; decisions are spooled in the temporary directory`,
        );
      return directory;
    } catch (error) {
      problems.push(error);
    }
  }
  throw new AggregateError(problems, `Decisions can be spooled neither in ${dataDir} nor in ${tmpdir()}: ${problems.join("; ")}`);
}

/** Others could have made a directory of this name, and would then read or forge what is in it. */
function assertOurs(directory: string): void {
  const found = lstatSync(directory);
  const isOthers = process.getuid !== undefined && found.uid !== process.getuid();
  if (!found.isDirectory() || isOthers || (found.mode & 0o022) !== 0) throw new Error(`${directory} is not ours alone to write`);
}
