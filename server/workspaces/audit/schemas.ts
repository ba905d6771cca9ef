import { z } from "zod";
import { pageInput } from "../../shared/pagination.ts";
import { freeText, simId } from "../../shared/text.ts";
import { Isolation } from "../isolation-schema.ts";

/** A year that PostgreSQL and ISO 8601 both write with four digits. */
const time = z.iso
  .datetime({ offset: true })
  .refine((text) => /^[1-9]\d{3}-/.test(text) && !Number.isNaN(Date.parse(text)), "must be a time such as 2026-01-31T00:00:00Z");
const AuditOutcome = z.enum(["success", "denied", "failure"]);

export const ListAuditInput = z.strictObject({
  workspaceId: simId.describe("Sim's id of the workspace"),
  limit: pageInput.limit,
  cursor: pageInput.cursor,
  action: freeText(100).min(1).optional().describe("Only events of this action, such as agent.create"),
  outcome: AuditOutcome.optional().describe("Only events with this outcome"),
  actor: simId.optional().describe("Only what this actor did: the id of a user or key"),
  target: simId.optional().describe("Only events on this: the id of an agent, a workspace"),
  from: time.optional().describe("Only events at this time or later (ISO 8601)"),
  to: time.optional().describe("Only events before this time (ISO 8601)"),
});
export type ListAuditInput = z.output<typeof ListAuditInput>;

const content = z
  .record(z.string(), z.unknown())
  .nullable()
  .describe("Redacted; null where there is none, or none that can still be read");

export const AuditEvent = z.object({
  id: z.uuid(),
  action: z.string().describe("What was done or tried, as resource.verb"),
  outcome: AuditOutcome,
  reasonCode: z.string().nullable().describe("Why it was refused"),
  rule: z.string().nullable().describe("What the operation needs: the rule that decided"),
  actor: z.object({
    kind: z.string().describe("The kind of principal"),
    id: z.string().nullable().describe("A user's id, or a key's; of a stranger to the workspace nothing else is told"),
    onBehalfOf: z.string().nullable().describe("The user that a key or Sim's backend acted for"),
  }),
  target: z.object({ kind: z.string(), id: z.string().nullable() }).nullable(),
  method: z.string().nullable().describe("The HTTP method and the procedure"),
  ipAddress: z.string().nullable(),
  requestId: z.string().nullable(),
  before: content,
  after: content,
  occurredAt: z.date(),
});
export type AuditEvent = z.output<typeof AuditEvent>;

export const AuditEventPage = z.object({ data: z.array(AuditEvent), nextCursor: z.string().nullable(), isolation: Isolation });
export type AuditEventPage = z.output<typeof AuditEventPage>;
