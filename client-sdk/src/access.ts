import { type CallOptions, invoke } from "./call.ts";
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
import { PageRequest } from "./page-request.ts";
import type { MethodsFor } from "./resource.ts";

export type AccessChecks = CheckAccessInput["checks"];
export type AccessQuestion = ExplainAccessInput["question"];
export type AccessChange = SimulateAccessInput["change"];
export type MemberFilters = Omit<ListMembersInput, "workspaceId">;

/** Who may do what in one workspace, and why. */
export class WorkspaceAccess implements MethodsFor<WorkspacesAccessCalls> {
  readonly #calls: WorkspacesAccessCalls;
  readonly #workspaceId: string;

  constructor(calls: WorkspacesAccessCalls, workspaceId: string) {
    this.#calls = calls;
    this.#workspaceId = workspaceId;
  }

  /** What the caller is and may do, and where that comes from. */
  me(options: CallOptions = {}): Promise<OwnAccess> {
    return invoke(options, (call) => this.#calls.me.query({ workspaceId: this.#workspaceId }, call));
  }

  /** The users with a permission in the workspace: awaited, one page; iterated, all of them. */
  members(filters: MemberFilters = {}, options: CallOptions = {}): PageRequest<WorkspaceMember, MemberPage> {
    return new PageRequest((cursor) => {
      const input = { ...filters, cursor, workspaceId: this.#workspaceId };
      return invoke(options, (call) => this.#calls.members.query(input, call));
    }, filters.cursor);
  }

  /** Whether the caller may do each of up to 100 operations; the answers are in the order of the questions. */
  check(checks: AccessChecks, options: CallOptions = {}): Promise<AccessAnswers> {
    return invoke(options, (call) => this.#calls.check.query({ workspaceId: this.#workspaceId, checks }, call));
  }

  /** By which rule an operation is allowed to the caller or not, and what would suffice; an admin may ask about another user. */
  explain(question: AccessQuestion, about: { userId?: string } = {}, options: CallOptions = {}): Promise<AccessExplanation> {
    const input = { question, userId: about.userId, workspaceId: this.#workspaceId };
    return invoke(options, (call) => this.#calls.explain.query(input, call));
  }

  /** Who would gain and lose if a grant or a permission were another; nothing is changed. */
  simulate(change: AccessChange, options: CallOptions = {}): Promise<AccessSimulation> {
    return invoke(options, (call) => this.#calls.simulate.query({ workspaceId: this.#workspaceId, change }, call));
  }
}
