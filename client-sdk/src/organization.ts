import { type CallOptions, runQuery } from "./call.ts";
import type { OrganizationsAnalyticsCalls, OrganizationsCalls } from "./generated/calls.ts";
import type { OrganizationOverview, OrganizationOverviewInput } from "./generated/schemas.ts";
import { type MethodsFor, Resource } from "./resource.ts";

export type OrganizationOverviewOptions = Omit<OrganizationOverviewInput, "organizationId">;

/** An organization of Sim's, for its owners and admins. */
export class Organization implements MethodsFor<OrganizationsCalls> {
  readonly id: string;
  readonly analytics: OrganizationAnalytics;

  constructor(calls: OrganizationsCalls, id: string) {
    this.id = id;
    this.analytics = new OrganizationAnalytics(calls.analytics, { organizationId: id });
  }
}

/** What an organization's live workspaces come to. */
export class OrganizationAnalytics
  extends Resource<OrganizationsAnalyticsCalls, { organizationId: string }>
  implements MethodsFor<OrganizationsAnalyticsCalls>
{
  /** The workspaces' numbers added up, beside as much time before, and who uses most; the last 30 days unless given. */
  overview(of: OrganizationOverviewOptions = {}, options: CallOptions = {}): Promise<OrganizationOverview> {
    return runQuery(this.calls.overview, { ...of, ...this.owner }, options);
  }
}
