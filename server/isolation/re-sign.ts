import { type SignedKind, signBoundary } from "./boundary.ts";
import { judgeRows, type RowAccess, readSignedRows, reSignRow, violationOf } from "./signed-rows.ts";
import type { Violations } from "./violations.ts";

/** How a workspace's batch went. */
export interface ReSigned {
  reSigned: number;
  /** Where the next batch begins; null where this one was the last. */
  next: string | null;
}

/**
 * Signs the workspace's next rows of a kind and of an older root secret with the newest one; nothing else of a row changes.
 * A row that does not verify under the secret that it names is reported and never signed, and one that another server got
 * to first is left to it.
 */
export async function reSignBatch(
  options: RowAccess & { violations: Violations },
  { workspaceId, kind }: { workspaceId: string; kind: SignedKind },
  { after, size }: { after: string | null; size: number },
): Promise<ReSigned> {
  const { db, keys, rows, bad } = await judgeRows(options, { workspaceId, purpose: "isolation.re_sign" }, async (db, keys) =>
    keys
      ? readSignedRows(db, kind, {
          where: { boundaryKeyVersion: { not: keys.current.version }, ...(after !== null && { id: { gt: after } }) },
          order: "asc",
          take: size,
        })
      : [],
  );
  for (const one of bad) options.violations.report(violationOf(workspaceId, one));
  const authentic = rows.filter(({ id }) => !bad.some((one) => one.id === id));
  let reSigned = 0;
  if (keys && authentic.length > 0) {
    await db.transaction(async (tx) => {
      for (const row of authentic) {
        const { id, createdAt } = row;
        // As it was verified: a row that changed since is not vouched for.
        if (await reSignRow(tx, row, signBoundary(keys, { kind, workspaceId, id, createdAt }))) reSigned++;
      }
    });
  }
  return { reSigned, next: rows.length === size ? (rows.at(-1)?.id ?? null) : null };
}
