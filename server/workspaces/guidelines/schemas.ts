import { z } from "zod";
import { jsonObject } from "../../shared/json.ts";
import { pageInput } from "../../shared/pagination.ts";
import { freeText, nameText } from "../../shared/text.ts";
import { AgentRef } from "../agents/schemas.ts";
import { Isolation } from "../isolation-schema.ts";

const MAX_METADATA_BYTES = 16 * 1024;
const MAX_PRIORITY = 1_000_000;
/** How many guidelines an agent may have, so that all of them fit into one answer. */
export const MAX_GUIDELINES = 1_000;

const Criticality = z.enum(["low", "medium", "high"]);

const guidelineFields = {
  condition: freeText(4_000).min(1).describe("When it applies, in words"),
  action: freeText(4_000).min(1).nullable().describe("What the agent is to do then; null where it is only to notice"),
  description: freeText(2_000).nullable(),
  criticality: Criticality,
  enabled: z.boolean(),
  priority: z.int().min(-MAX_PRIORITY).max(MAX_PRIORITY).describe("The higher one goes first"),
  tags: z.array(nameText(50)).max(20).describe("At most 20 tags of 1 to 50 characters"),
  metadata: jsonObject(MAX_METADATA_BYTES).describe("Opaque JSON, stored and returned as given, at most 16 KiB"),
};

const newFields = {
  condition: guidelineFields.condition,
  action: guidelineFields.action.default(null),
  description: guidelineFields.description.default(null),
  criticality: guidelineFields.criticality.default("medium"),
  enabled: guidelineFields.enabled.default(true),
  priority: guidelineFields.priority.default(0),
  tags: guidelineFields.tags.default([]),
  metadata: guidelineFields.metadata.default({}),
};

/** A guideline without what the server gives it: what is made, imported and exported. */
export const GuidelineContent = z.strictObject(newFields);
export type GuidelineContent = z.output<typeof GuidelineContent>;

export const GuidelineRef = z.strictObject({
  ...AgentRef.shape,
  guidelineId: z.uuid().toLowerCase().describe("The guideline's id"),
});
export type GuidelineRef = z.output<typeof GuidelineRef>;

export const CreateGuidelineInput = z.strictObject({ ...AgentRef.shape, ...newFields });
export type CreateGuidelineInput = z.output<typeof CreateGuidelineInput>;

export const UpdateGuidelineInput = z.strictObject({ ...GuidelineRef.shape, ...z.object(guidelineFields).partial().shape });
export type UpdateGuidelineInput = z.output<typeof UpdateGuidelineInput>;

export const ListGuidelinesInput = z.strictObject({
  ...AgentRef.shape,
  ...pageInput,
  sortBy: z
    .enum(["priority", "createdAt"])
    .default("priority")
    .describe("What the list is ordered by; among those of one priority the older goes first"),
  enabled: z.boolean().optional().describe("Only those that are enabled, or that are not"),
  criticality: Criticality.optional().describe("Only those of this criticality"),
  tag: nameText(50).optional().describe("Only those with this tag"),
});
export type ListGuidelinesInput = z.output<typeof ListGuidelinesInput>;

export const ImportGuidelinesInput = z.strictObject({
  ...AgentRef.shape,
  mode: z.enum(["append", "replace"]).default("append").describe("replace: what the agent has is deleted first"),
  guidelines: z.array(GuidelineContent).min(1).max(MAX_GUIDELINES).describe("In the order in which those of one priority go"),
});
export type ImportGuidelinesInput = z.output<typeof ImportGuidelinesInput>;

const contentFields = {
  condition: z.string(),
  action: z.string().nullable(),
  description: z.string().nullable(),
  criticality: Criticality,
  enabled: z.boolean(),
  priority: z.int(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
};

const entryFields = {
  id: z.uuid(),
  workspaceId: z.string(),
  agentId: z.uuid(),
  ...contentFields,
  createdBy: z.string().nullable().describe("The user who created it; null where a workspace key did"),
  createdByKeyId: z.string().nullable(),
  createdAt: z.date(),
  updatedAt: z.date(),
};

/** One of a list, which itself says where it belongs. */
export const GuidelineEntry = z.object(entryFields);
export type GuidelineEntry = z.output<typeof GuidelineEntry>;

export const Guideline = z.object({ ...entryFields, isolation: Isolation });
export type Guideline = z.output<typeof Guideline>;

export const GuidelinePage = z.object({ data: z.array(GuidelineEntry), nextCursor: z.string().nullable(), isolation: Isolation });
export type GuidelinePage = z.output<typeof GuidelinePage>;

export const DeletedGuideline = z.object({ id: z.uuid(), isolation: Isolation });
export type DeletedGuideline = z.output<typeof DeletedGuideline>;

export const ImportedGuidelines = z.object({
  created: z.int(),
  deleted: z.int().describe("How many the agent had before, where they were replaced"),
  ids: z.array(z.uuid()).describe("Of those created, in the order given"),
  isolation: Isolation,
});
export type ImportedGuidelines = z.output<typeof ImportedGuidelines>;

export const ExportedGuidelines = z.object({
  agentId: z.uuid(),
  guidelines: z.array(z.object(contentFields)).describe("All of them in their order, as an import takes them"),
  isolation: Isolation,
});
export type ExportedGuidelines = z.output<typeof ExportedGuidelines>;
