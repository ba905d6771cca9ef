import { isUniqueViolation } from "../../db/errors.ts";
import { AppError } from "../../shared/errors.ts";

const NAME_INDEX = "parlant_agent_workspace_name_unique";

/**
 * Does what gives an agent a name, where the name is free.
 *
 * @throws AppError CONFLICT where another undeleted agent that everyone in the workspace sees has the name, in any case
 */
export async function nameIsFree<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!isUniqueViolation(error, NAME_INDEX)) throw error;
    throw new AppError("CONFLICT", `The name "${name}" is taken by another agent of this workspace`, {
      details: { code: "NAME_TAKEN" },
      cause: error,
    });
  }
}
