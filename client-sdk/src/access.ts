import { type CallOptions, runQuery } from "./call.ts";
import type { WorkspacesAccessCalls } from "./generated/calls.ts";
import type {
  AccessAnswers,
  AccessExplanation,
  AccessSimulation,
  CheckAccessInput,
  ExplainAccessInput,
  ListMembersInput,
  MemberPage,
  OwnAccess,
  SimulateAccessInput,
  WorkspaceMember,
} from "./generated/schemas.ts";
import { listPages, type PageRequest } from "./page-request.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";

export type AccessChecks = CheckAccessInput["checks"];
export type AccessQuestion = ExplainAccessInput["question"];
export type AccessChange = SimulateAccessInput["change"];
export type MemberFilters = Omit<ListMembersInput, "workspaceId">;

/** Who may do what in one workspace, and why. */
export class WorkspaceAccess extends Resource<WorkspacesAccessCalls, OfWorkspace> implements MethodsFor<WorkspacesAccessCalls> {
  /** What the caller is and may do, and where that comes from. */
  me(options: CallOptions = {}): Promise<OwnAccess> {
    return runQuery(this.calls.me, { ...this.owner }, options);
  }

  /** The users with a permission in the workspace: awaited, one page; iterated, all of them. */
  members(filters: MemberFilters = {}, options: CallOptions = {}): PageRequest<WorkspaceMember, MemberPage> {
    return listPages(this.calls.members, { ...filters, ...this.owner }, options);
  }

  /** Whether the caller may do each of up to 100 operations; the answers are in the order of the questions. */
  check(checks: AccessChecks, options: CallOptions = {}): Promise<AccessAnswers> {
    return runQuery(this.calls.check, { ...this.owner, checks }, options);
  }

  /** By which rule an operation is allowed to the caller or not, and what would suffice; an admin may ask about another user. */
  explain(question: AccessQuestion, about: { userId?: string } = {}, options: CallOptions = {}): Promise<AccessExplanation> {
    const input = { question, userId: about.userId, ...this.owner };
    return runQuery(this.calls.explain, input, options);
  }

  /** Who would gain and lose if a grant or a permission were another; nothing is changed. */
  simulate(change: AccessChange, options: CallOptions = {}): Promise<AccessSimulation> {
    return runQuery(this.calls.simulate, { ...this.owner, change }, options);
  }
}
