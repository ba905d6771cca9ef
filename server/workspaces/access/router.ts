import { workspaceProcedure } from "../../trpc/procedures.ts";
import { checkAccess } from "./check-access.ts";
import { explainAccess } from "./explain-access.ts";
import { getOwnAccess } from "./get-own-access.ts";
import { listMembers } from "./list-members.ts";
import {
  AccessAnswers,
  AccessExplanation,
  AccessSimulation,
  CheckAccessInput,
  ExplainAccessInput,
  ListMembersInput,
  MemberPage,
  OwnAccess,
  SimulateAccessInput,
  WorkspaceRef,
} from "./schemas.ts";
import { simulateAccess } from "./simulate-access.ts";

export const accessRouter = {
  me: workspaceProcedure("access:me", "Says what the caller is and may do in the workspace, and where that comes from.")
    .input(WorkspaceRef)
    .output(OwnAccess)
    .query(({ ctx }) => getOwnAccess(ctx)),

  members: workspaceProcedure("access:members", "Lists the users with a permission in the workspace.")
    .input(ListMembersInput)
    .output(MemberPage)
    .query(({ ctx, input }) => listMembers(ctx, input)),

  check: workspaceProcedure("access:check", "Says of each of up to 100 operations whether the caller may do it.")
    .input(CheckAccessInput)
    .output(AccessAnswers)
    .query(({ ctx, input }) => checkAccess(ctx, input)),

  explain: workspaceProcedure("access:explain", "Explains by which rule an operation is allowed or not, and what would suffice.")
    .input(ExplainAccessInput)
    .output(AccessExplanation)
    .query(({ ctx, input }) => explainAccess(ctx, input)),

  simulate: workspaceProcedure("access:simulate", "Says who would gain and lose if a grant or a permission were another.")
    .input(SimulateAccessInput)
    .output(AccessSimulation)
    .query(({ ctx, input }) => simulateAccess(ctx, input)),
};
