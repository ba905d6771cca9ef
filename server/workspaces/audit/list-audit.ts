import { isInTheClear, readClearContent } from "../../audit/clear-content.ts";
import { decryptContent } from "../../audit/content-cipher.ts";
import { eventTime } from "../../audit/event-time.ts";
import { readRetentionContent } from "../../audit/retentions.ts";
import type { Prisma } from "../../db/generated/client.ts";
import type { KeyRing } from "../../isolation/key-ring.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { lowestIdAt } from "../../shared/ids.ts";
import { decodeCursor, encodeCursor } from "../../shared/pagination.ts";
import type { AuditEvent, AuditEventPage, ListAuditInput } from "./schemas.ts";

type AuditRow = Prisma.TypeMap["model"]["AuditEvent"]["payload"]["scalars"];

/** How far the time in an id and the time of its event may lie apart, where a clock was set back. */
const SLACK_MS = 86_400_000;

/** One page of the workspace's audit log, newest first, with the content that can still be read. */
export async function listAudit(ctx: WorkspaceContext, input: ListAuditInput): Promise<AuditEventPage> {
  const { limit, cursor, ...query } = input;
  const { action, outcome, actor, target } = query;
  const from = query.from === undefined ? undefined : new Date(query.from);
  const to = query.to === undefined ? undefined : new Date(query.to);
  const after = cursor === undefined ? undefined : decodeCursor(query, cursor, "time").id;
  const rows = await ctx.db.auditEvent.findMany({
    where: {
      ...(action !== undefined && { action }),
      ...(outcome !== undefined && { outcome }),
      ...(actor !== undefined && { actorId: actor }),
      ...(target !== undefined && { targetId: target }),
      ...((from || to) && { occurredAt: { ...(from && { gte: from }), ...(to && { lt: to }) } }),
      // The bounds on the id repeat those of the time, because by the id PostgreSQL knows which months it need not read.
      id: {
        gte: lowestIdAt(Math.max(0, (from?.getTime() ?? 0) - SLACK_MS)),
        ...earliest(after, to && lowestIdAt(Math.max(0, to.getTime() + SLACK_MS))),
      },
    },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  // As they stand: what was destroyed must not be read with what this server remembers.
  const keys = (await ctx.renewKeys(ctx.db)).audit;
  return {
    data: page.map((row) => toEvent(row, keys)),
    nextCursor: rows.length > limit && last ? encodeCursor(query, { value: eventTime(last).toISOString(), id: last.id }) : null,
    isolation: { workspaceId: ctx.workspaceId, verified: true },
  };
}

/** The bound below which the page begins: the lower one of those given. */
function earliest(...bounds: (string | undefined)[]): { lt?: string } {
  const [lt] = bounds.filter((bound) => bound !== undefined).sort();
  return lt === undefined ? {} : { lt };
}

function toEvent(row: AuditRow, keys: KeyRing): AuditEvent {
  const contentOf = (field: "before" | "after"): AuditEvent["before"] => {
    const stored = row[field];
    const place = { workspaceId: row.workspaceId, eventId: row.id, field };
    const content =
      stored &&
      (isInTheClear(row)
        ? readClearContent(stored)
        : (decryptContent(keys, place, stored) ?? readRetentionContent(row.workspaceId, stored)));
    return typeof content === "object" && content !== null && !Array.isArray(content) ? content : null;
  };
  return {
    id: row.id,
    action: row.action,
    outcome: row.outcome,
    reasonCode: row.reasonCode,
    rule: row.rule,
    actor: { kind: row.actorKind, id: row.actorId, onBehalfOf: row.onBehalfOf },
    target: row.targetKind === null ? null : { kind: row.targetKind, id: row.targetId },
    method: row.method,
    ipAddress: row.ipAddress,
    requestId: row.requestId,
    before: contentOf("before"),
    after: contentOf("after"),
    occurredAt: eventTime(row),
  };
}
