import { z } from "zod";
import { actingUserId } from "../auth/principal.ts";
import { AppError } from "../shared/errors.ts";
import type { TransactionContext } from "./workspace-context.ts";

/** What a permission group of Sim's says of models; its other settings are about Sim's own features. */
const ModelPolicy = z.object({
  allowedModelProviders: z.array(z.string()).nullish(),
  deniedModels: z.array(z.string()).nullish(),
});

export interface ChosenModel {
  modelProvider?: string | null | undefined;
  modelName?: string | null | undefined;
}

/**
 * The caller's permission group allows the model, where Sim has groups and one governs the caller in this workspace.
 * Where it allows certain providers only, a model has to come with its provider: an unknown one is not allowed.
 *
 * @throws AppError FORBIDDEN with the code MODEL_NOT_ALLOWED
 */
export async function assertModelAllowed(tx: TransactionContext, { modelProvider, modelName }: ChosenModel): Promise<void> {
  const isChosen = (modelProvider ?? modelName ?? null) !== null;
  const config = isChosen ? await tx.db.modelPolicy(actingUserId(tx.principal)) : null;
  if (config === null) return;
  const policy = ModelPolicy.safeParse(config);
  // One that cannot be read allows nothing: it was meant to restrict.
  if (!policy.success) throw notAllowed("The workspace's permission group cannot be read, so no model is allowed");
  const { allowedModelProviders, deniedModels } = policy.data;
  const isOneOf = (names: string[], name: string) => names.some((one) => one.toLowerCase() === name.toLowerCase());
  if (modelName != null && isOneOf(deniedModels ?? [], modelName)) {
    throw notAllowed(`The model "${modelName}" is not allowed by the workspace's permission group`);
  }
  if (!allowedModelProviders || (modelProvider != null && isOneOf(allowedModelProviders, modelProvider))) return;
  const allowed = allowedModelProviders.length > 0 ? allowedModelProviders.join(", ") : "none";
  throw notAllowed(
    modelProvider == null
      ? `The workspace's permission group allows certain model providers only (${allowed}): name the provider of the model`
      : `The model provider "${modelProvider}" is not allowed by the workspace's permission group; allowed: ${allowed}`,
  );
}

function notAllowed(message: string): AppError {
  return new AppError("FORBIDDEN", message, { details: { code: "MODEL_NOT_ALLOWED" } });
}
