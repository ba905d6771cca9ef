import { agentProcedure } from "../../trpc/procedures.ts";
import { AgentRef } from "../agents/schemas.ts";
import { createGuideline } from "./create-guideline.ts";
import { deleteGuideline } from "./delete-guideline.ts";
import { exportGuidelines } from "./export-guidelines.ts";
import { importGuidelines } from "./import-guidelines.ts";
import { listGuidelines } from "./list-guidelines.ts";
import {
  CreateGuidelineInput,
  DeletedGuideline,
  ExportedGuidelines,
  Guideline,
  GuidelinePage,
  GuidelineRef,
  ImportedGuidelines,
  ImportGuidelinesInput,
  ListGuidelinesInput,
  UpdateGuidelineInput,
} from "./schemas.ts";
import { updateGuideline } from "./update-guideline.ts";

export const guidelinesRouter = {
  create: agentProcedure("guideline:create", "Gives an agent a guideline.")
    .input(CreateGuidelineInput)
    .output(Guideline)
    .mutation(({ ctx, agent, input }) => createGuideline(ctx, agent, input)),

  list: agentProcedure("guideline:list", "Lists an agent's guidelines, those of the highest priority first.")
    .input(ListGuidelinesInput)
    .output(GuidelinePage)
    .query(({ ctx, agent, input }) => listGuidelines(ctx, agent, input)),

  update: agentProcedure("guideline:update", "Changes the given fields of a guideline; null clears one, an absent one stays.")
    .input(UpdateGuidelineInput)
    .output(Guideline)
    .mutation(({ ctx, agent, input }) => updateGuideline(ctx, agent, input)),

  delete: agentProcedure("guideline:delete", "Deletes a guideline for good.")
    .input(GuidelineRef)
    .output(DeletedGuideline)
    .mutation(({ ctx, agent, input }) => deleteGuideline(ctx, agent, input)),

  import: agentProcedure("guideline:import", "Gives an agent many guidelines at once, beside those it has or in their place.")
    .input(ImportGuidelinesInput)
    .output(ImportedGuidelines)
    .mutation(({ ctx, agent, input }) => importGuidelines(ctx, agent, input)),

  export: agentProcedure("guideline:export", "Returns all of an agent's guidelines, as an import takes them.")
    .input(AgentRef)
    .output(ExportedGuidelines)
    .query(({ ctx, agent }) => exportGuidelines(ctx, agent)),
};
