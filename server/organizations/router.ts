import { organizationProcedure } from "../trpc/organization-procedures.ts";
import { readOrganizationOverview } from "./analytics/read-organization-overview.ts";
import { OrganizationOverview, OrganizationOverviewInput } from "./analytics/schemas.ts";

export const organizationsRouter = {
  analytics: {
    overview: organizationProcedure("Sums up the live workspaces of an organization, for its owners and admins.")
      .input(OrganizationOverviewInput)
      .output(OrganizationOverview)
      .query(({ ctx, input }) => readOrganizationOverview(ctx, input)),
  },
};
