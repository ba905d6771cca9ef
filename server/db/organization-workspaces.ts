import type { SimFeatures } from "./sim-features.ts";
import type { SimReader } from "./sim-reader.ts";

/** An organization of Sim's as one of its owners and admins sees it. */
export interface AdministeredOrganization {
  /** Its live workspaces, in the order of their ids; of more than can be gone through the first ones. */
  workspaces: { id: string; name: string }[];
  /** How many there are. */
  total: number;
}

/** How many workspaces of an organization one call goes through. */
const MOST_WORKSPACES = 500;

/** The organization, where the user is an owner or admin of it; null where not, and where there is none. */
export async function findAdministered(
  sim: SimReader,
  features: SimFeatures,
  userId: string,
  organizationId: string,
): Promise<AdministeredOrganization | null> {
  // An older Sim's workspaces are of no organization, and nobody inherits anything there.
  if (!features.workspaceOrganizationId) return null;
  const isLive = features.workspaceArchivedAt ? "and archived_at is null" : "";
  const [found] = await sim.query<AdministeredOrganization>({
    name: "administered_organization",
    text: `select coalesce((select json_agg(live) from (select id, name from public.workspace
    where organization_id = $2 ${isLive} order by id limit $3::integer) live), '[]') as "workspaces",
  (select count(*)::int from public.workspace where organization_id = $2 ${isLive}) as "total"
from public.member where user_id = $1 and organization_id = $2 and role in ('owner', 'admin') limit 1`,
    values: [userId, organizationId, MOST_WORKSPACES],
  });
  return found ?? null;
}
