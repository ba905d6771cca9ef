import { randomUUID } from "node:crypto";
import type pg from "pg";
import { withConnection } from "../support/connection.ts";
import { type createTestDatabase, grantPermission, makeApiKey, makeMember, makeOrganization } from "../support/database.ts";
import { makeSignedInUser, makeStaffedWorkspace } from "../support/workspace.ts";

/** Somebody whose access to one agent is taken away and given back, over and over, one way. */
export interface Subject {
  id: string;
  kind: string;
  workspaceId: string;
  agentId: string;
  headers: Record<string, string>;
  /** Whether it may change the agent, while it may do anything. */
  mayChange: boolean;
  revoke(): Promise<unknown>;
  restore(): Promise<unknown>;
}

type Owner = Awaited<ReturnType<typeof createTestDatabase>>["owner"];
/** Makes an agent in the workspace by the API. */
export type MakeAgent = (workspaceId: string, headers: Record<string, string>, agent: object) => Promise<string>;

const member = "user_id = $1";
const ban = (banned: boolean) => `update "user" set banned = ${banned} where id = $1`;
const archive = (moment: string) => `update workspace set archived_at = ${moment} where id = $1`;

/** One subject of each kind of revocation. */
export async function makeSubjects(owner: Owner, superuserUrl: string, makeAgent: MakeAgent): Promise<Subject[]> {
  const scene = async (visibility: "workspace" | "restricted" = "workspace") => {
    const workspace = await makeStaffedWorkspace(owner);
    const agentId = await makeAgent(workspace.id, workspace.admin.headers, { name: "Scout", visibility });
    const { headers, id: userId } = workspace.writer;
    return { id: randomUUID(), workspaceId: workspace.id, agentId, headers, userId, mayChange: true, reader: workspace.reader };
  };
  const sql = (text: string, ...values: string[]) => owner.query(text, values);
  const row = await scene();
  const role = await scene();
  const organization = await makeOrganization(owner);
  const boss = await makeSignedInUser(owner);
  await makeMember(owner, { organizationId: organization.id, userId: boss.id, role: "admin" });
  await sql("update workspace set organization_id = $2 where id = $1", role.workspaceId, organization.id);
  const grant = await scene("restricted");
  const banned = await scene();
  const session = await scene();
  const keyed = await scene();
  const key = await makeApiKey(owner, { userId: keyed.userId });
  const archived = await scene();
  const removed = async (table: string, condition: string, ...values: string[]) => {
    const { rows } = await sql(`select * from ${table} where ${condition}`, ...values);
    return {
      revoke: () => sql(`delete from ${table} where ${condition}`, ...values),
      restore: () => owner.query(`insert into ${table} select * from json_populate_record(null::${table}, $1)`, [rows[0]]),
    };
  };
  const setGrant = (isGiven: boolean) =>
    withConnection(superuserUrl, (superuser: pg.Client) =>
      superuser.query(
        isGiven
          ? `insert into parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, created_at, updated_at)
             values ($1, $2, $3, 'interact', now(), now()) on conflict do nothing`
          : "delete from parlant.parlant_agent_grant where workspace_id = $1 and agent_id = $2 and user_id = $3",
        [grant.workspaceId, grant.agentId, grant.reader.id],
      ),
    );
  await setGrant(true);
  return [
    {
      ...row,
      kind: "permission row",
      revoke: () => sql(`delete from permissions where ${member}`, row.userId),
      restore: () => grantPermission(owner, { userId: row.userId, workspaceId: row.workspaceId, permission: "write" }),
    },
    {
      ...role,
      headers: boss.headers,
      kind: "organization role",
      revoke: () => sql(`update member set role = 'member' where ${member}`, boss.id),
      restore: () => sql(`update member set role = 'admin' where ${member}`, boss.id),
    },
    {
      ...grant,
      headers: grant.reader.headers,
      mayChange: false,
      kind: "grant",
      revoke: () => setGrant(false),
      restore: () => setGrant(true),
    },
    { ...banned, kind: "ban", revoke: () => sql(ban(true), banned.userId), restore: () => sql(ban(false), banned.userId) },
    { ...session, kind: "session", ...(await removed("session", member, session.userId)) },
    { ...keyed, headers: { "x-api-key": key.plain }, kind: "API key", ...(await removed("api_key", "id = $1", key.id)) },
    {
      ...archived,
      kind: "archive",
      revoke: () => sql(archive("now() at time zone 'UTC'"), archived.workspaceId),
      restore: () => sql(archive("null"), archived.workspaceId),
    },
  ];
}
