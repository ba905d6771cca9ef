import type { Binding } from "../../db/binding.ts";
import type { QueryBound } from "../../db/client.ts";
import { isDatabaseUnavailable, isGuardRejection } from "../../db/errors.ts";
import type { Check, Verdict } from "../run-check.ts";

const WHERE_AM_I = {
  name: "guard_canary",
  text: "select current_setting('app.workspace_id', true) as workspace",
  values: [],
};

type Ending = "entered" | "refused" | "failed";

/**
 * Whether the guard ends a statement that rests on a wrong decision: on the permission of a user who is nobody, by the
 * server's own guard, and on a permission that is another one by now.
 */
export function guardCheck({
  queryBound,
  nobody,
}: {
  queryBound: QueryBound;
  /** As a caller is bound who has no credential and was decided to be an admin. */
  nobody(workspaceId: string): Binding;
}): Check {
  const tryToEnter = async (binding: Binding): Promise<Ending> => {
    try {
      await queryBound(binding, WHERE_AM_I);
      return "entered";
    } catch (error) {
      if (isGuardRejection(error)) return "refused";
      if (isDatabaseUnavailable(error)) throw error;
      return "failed";
    }
  };
  return {
    name: "guard",
    async run(workspaceId) {
      const [ofNobody, ofAnother, control] = await Promise.all([
        tryToEnter(nobody(workspaceId)),
        tryToEnter(decision(workspaceId, "read", "admin")),
        tryToEnter(decision(workspaceId, "read", "read")),
      ]);
      return judge(ofNobody, ofAnother, control);
    },
  };
}

function decision(workspaceId: string, actual: string, decided: string): Binding {
  const text = "select parlant.parlant_enter($1, $2, $3)";
  return { workspaceId, isProbe: true, prelude: { name: "guard_decision", text, values: [workspaceId, actual, decided] } };
}

function judge(ofNobody: Ending, ofAnother: Ending, control: Ending): Verdict {
  const evidence = { withoutPermission: ofNobody, withAnotherPermission: ofAnother, withTheSamePermission: control };
  const remedy = "Make parlant.parlant_enter again as the migrations have it, and run npm run db:migrate";
  if (ofNobody === "entered" || ofAnother === "entered") {
    return { status: "unhealthy", message: "A statement that rests on a wrong permission was not ended", evidence, remedy };
  }
  if (ofNobody === "failed" || ofAnother === "failed") {
    return { status: "unhealthy", message: "The guard fails instead of deciding, so that no call is answered", evidence, remedy };
  }
  if (control !== "entered") {
    return { status: "degraded", message: "The guard ends statements that rest on the right permission", evidence, remedy };
  }
  return { status: "healthy", message: "Statements that rest on a wrong permission are ended with PA001", evidence };
}
