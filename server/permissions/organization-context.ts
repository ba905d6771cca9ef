import type { AdministeredOrganization } from "../db/organization-workspaces.ts";
import type { Clock } from "../shared/clock.ts";
import type { WorkspaceContext } from "./workspace-context.ts";

/** A call of an owner or admin of an organization. It is bound to no workspace: each is entered for itself. */
export interface OrganizationContext extends AdministeredOrganization {
  organizationId: string;
  clock: Clock;
  /**
   * Runs `work` in one of the workspaces, let in and guarded as a call of that workspace would be; null where the caller is
   * not let in there.
   */
  inWorkspace<Result>(workspaceId: string, work: (ctx: WorkspaceContext) => Promise<Result>): Promise<Result | null>;
}
