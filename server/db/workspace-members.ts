import type { SimFeatures } from "./sim-features.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

/** What Sim's tables say of a user in a workspace; which permission that comes to, the rules decide. */
export interface MemberFacts {
  userId: string;
  email: string;
  name: string;
  image: string | null;
  /** The user's own row in permissions. */
  ownPermission: "read" | "write" | "admin" | null;
  /** The user's role in the workspace's organization; null where it is in none or another. */
  organizationRole: string | null;
  isOwner: boolean;
  /** Whether the user is neither the workspace's owner nor of its organization. */
  isExternal: boolean;
  joinedAt: Date;
}

/** Characters of an email that members are ordered by: the longest that RFC 5321 allows, though Sim's column has no bound. */
const SORTED_EMAIL_LENGTH = 320;

/** What of an email members are ordered by, and a page can be continued after. */
export function sortedEmail(email: string): string {
  return Array.from(email).slice(0, SORTED_EMAIL_LENGTH).join("");
}

/** Which members to read, by sortedEmail. */
export interface MembersQuery {
  /** These alone; null for everyone. */
  userIds: readonly string[] | null;
  /** Where the page before ended. */
  after?: { email: string; userId: string };
  order: "asc" | "desc";
  take: number;
}

/**
 * The users who have a permission in a workspace, one way or another: by a row of their own, or as the owner and admins
 * of its organization. One statement, bound and guarded like those on our own tables.
 */
export function membersStatement(workspaceId: string, features: SimFeatures, query: MembersQuery): Statement {
  const hasOrganization = features.workspaceOrganizationId;
  const email = `left(u.email, ${SORTED_EMAIL_LENGTH})`;
  const values: unknown[] = [workspaceId, query.userIds, query.take];
  const conditions = ["w.id = $1", "($2::text[] is null or u.id = any ($2::text[]))"];
  if (query.after) {
    values.push(query.after.email, query.after.userId);
    conditions.push(`(${email}, u.id) ${query.order === "asc" ? ">" : "<"} ($4, $5)`);
  }
  const inherited = `union select m.user_id from public.member m
    where m.organization_id = w.organization_id and m.role in ('owner', 'admin')`;
  const text = `select u.id as "userId", u.email, u.name, u.image, p.permission_type::text as "ownPermission",
  ${hasOrganization ? "case when m.organization_id = w.organization_id then m.role end" : "null::text"} as "organizationRole",
  u.id = w.owner_id as "isOwner",
  ${hasOrganization ? "u.id <> w.owner_id and m.organization_id is distinct from w.organization_id" : "false"} as "isExternal",
  coalesce(p.created_at, m.created_at) as "joinedAt"
from public.workspace w
cross join lateral (
  select p.user_id from public.permissions p where p.entity_type = 'workspace' and p.entity_id = w.id
  ${hasOrganization ? inherited : ""}
) as person
join public."user" u on u.id = person.user_id
left join public.permissions p on p.entity_type = 'workspace' and p.entity_id = w.id and p.user_id = u.id
left join public.member m on m.user_id = u.id
where ${conditions.join(" and ")}
order by ${email} ${query.order}, u.id ${query.order} limit $3`;
  return { name: statementName(text), text, values };
}
