import { z } from "zod";
import { ACCESS_LEVELS } from "../../../permissions/levels.ts";
import { instant } from "../../../shared/instant.ts";
import { pageInput } from "../../../shared/pagination.ts";
import { simId } from "../../../shared/text.ts";
import { Isolation } from "../../isolation-schema.ts";
import { AgentRef } from "../schemas.ts";

/** Names the grant of one user on one agent. */
export const GrantRef = z.strictObject({ ...AgentRef.shape, userId: simId.describe("Sim's id of the user") });
export type GrantRef = z.output<typeof GrantRef>;

export const SetGrantInput = z.strictObject({
  ...GrantRef.shape,
  level: z
    .enum(ACCESS_LEVELS)
    .describe("Replaces what the user's permission gives; kept as given, and at most interact where the user holds read"),
  expiresAt: instant.nullable().default(null).describe("When it ends, to the millisecond; null for never"),
});
export type SetGrantInput = z.output<typeof SetGrantInput>;

export const ListGrantsInput = z.strictObject({
  ...AgentRef.shape,
  ...pageInput,
  sortBy: z.enum(["userId"]).default("userId").describe("What the list is ordered by"),
  sortOrder: z.enum(["asc", "desc"]).default("asc").describe("The order of the list"),
});
export type ListGrantsInput = z.output<typeof ListGrantsInput>;

const grantFields = {
  agentId: z.uuid(),
  userId: z.string(),
  level: z.enum(ACCESS_LEVELS),
  expiresAt: z.date().nullable(),
  grantedBy: z.string().nullable().describe("The user who gave it last; null where a workspace key did"),
  createdAt: z.date(),
  updatedAt: z.date(),
};

/** One of a list, which itself says where it belongs. */
export const GrantEntry = z.object(grantFields);
export type GrantEntry = z.output<typeof GrantEntry>;

export const Grant = z.object({ ...grantFields, isolation: Isolation });
export type Grant = z.output<typeof Grant>;

export const GrantPage = z.object({ data: z.array(GrantEntry), nextCursor: z.string().nullable(), isolation: Isolation });
export type GrantPage = z.output<typeof GrantPage>;

export const RemovedGrant = z.object({ agentId: z.uuid(), userId: z.string(), isolation: Isolation });
export type RemovedGrant = z.output<typeof RemovedGrant>;
