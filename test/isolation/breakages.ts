import { connectInUtc, type TestDatabase } from "../support/database.ts";
import { changePastTheServer } from "../support/past-the-server.ts";
import type { TestWorkspace } from "../support/workspace.ts";

const POLICY = `on parlant.parlant_agent_grant using (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  with check (workspace_id = nullif(current_setting('app.workspace_id', true), ''))`;
const OF_AGENTS = POLICY.replace("agent_grant", "agent");

/** Something that isolation rests on, how it is broken past the server and mended, and what is to be told of it. */
export interface Breakage {
  name: string;
  damage(workspace: TestWorkspace): Promise<unknown>;
  repair(workspace: TestWorkspace): Promise<unknown>;
  unhealthy: string[];
  reason: RegExp;
}

/** What is broken in turn on a database, and by what. */
export function breakingOf(database: () => TestDatabase) {
  const owner = (text: string, values: unknown[] = []) => database().owner.query(text, values);
  let guardAsItWas = "";

  async function replaceGuard(rule: string): Promise<void> {
    const { rows } = await owner("select pg_get_functiondef('parlant.parlant_enter(text,text,text)'::regprocedure) as text");
    guardAsItWas = rows[0].text;
    await owner(guardAsItWas.replace(/IF workspace IS NULL[\s\S]*?END IF;/, rule));
  }

  async function restoreGuard(): Promise<void> {
    await owner(guardAsItWas);
  }

  /** Turns every byte of the salt over; twice is once less. */
  async function changeSalt(workspaceId: string): Promise<void> {
    const [state] = await changeState(
      workspaceId,
      "select key_salt from parlant.parlant_workspace_state where workspace_id = $1",
    );
    const salt = state?.["key_salt"];
    if (!(salt instanceof Buffer)) throw new Error(`${workspaceId} has no salt`);
    const turned = Buffer.from(salt.map((byte) => byte ^ 0xff));
    await changeState(workspaceId, "update parlant.parlant_workspace_state set key_salt = $2 where workspace_id = $1", turned);
  }

  async function changeState(workspaceId: string, text: string, value?: unknown): Promise<Record<string, unknown>[]> {
    const superuser = await connectInUtc(database().superuserUrl);
    try {
      return (await superuser.query(text, value === undefined ? [workspaceId] : [workspaceId, value])).rows;
    } finally {
      await superuser.end();
    }
  }

  function changeAge(workspaceId: string, interval: string): Promise<void> {
    const text = "update parlant.parlant_agent set created_at = created_at + $2::interval where workspace_id = $1";
    return changePastTheServer(database().owner, text, [workspaceId, interval]);
  }

  function changeKeyVersion(workspaceId: string, by: number): Promise<void> {
    const text = "update parlant.parlant_agent set boundary_key_version = boundary_key_version + $2 where workspace_id = $1";
    return changePastTheServer(database().owner, text, [workspaceId, by]);
  }

  const breakages: Breakage[] = [
    {
      name: "a policy is dropped",
      damage: () => owner("drop policy workspace_isolation on parlant.parlant_agent_grant"),
      repair: () => owner(`create policy workspace_isolation ${POLICY}`),
      unhealthy: ["policies"],
      reason: /^policies: .*parlant_agent_grant/,
    },
    {
      name: "row-level security is no longer forced",
      damage: () => owner("alter table parlant.parlant_agent no force row level security"),
      repair: () => owner("alter table parlant.parlant_agent force row level security"),
      unhealthy: ["policies"],
      reason: /^policies: Row-level security is not forced on parlant_agent$/,
    },
    {
      name: "row-level security is off",
      damage: () => owner("alter table parlant.parlant_agent disable row level security"),
      repair: () => owner("alter table parlant.parlant_agent enable row level security"),
      unhealthy: ["policies", "canary"],
      reason: /^canary: .*parlant_agent$/,
    },
    {
      name: "a policy lets everything through",
      damage: () => owner("alter policy workspace_isolation on parlant.parlant_agent using (true)"),
      repair: () => owner(`alter policy workspace_isolation ${OF_AGENTS}`),
      unhealthy: ["policies", "canary"],
      reason: /^canary: .*parlant_agent$/,
    },
    {
      name: "a policy lets every write through",
      damage: () => owner("alter policy workspace_isolation on parlant.parlant_agent with check (true)"),
      repair: () => owner(`alter policy workspace_isolation ${OF_AGENTS}`),
      unhealthy: ["policies"],
      reason: /^policies: .*parlant_agent$/,
    },
    {
      name: "a second policy opens the audit trail",
      damage: () => owner("create policy support on parlant.parlant_audit_event for select using (true)"),
      repair: () => owner("drop policy support on parlant.parlant_audit_event"),
      unhealthy: ["policies", "canary"],
      reason: /^canary: .*parlant_audit_event$/,
    },
    {
      name: "a partition of the audit trail is given a policy of its own",
      damage: () => owner("create policy support on parlant.parlant_audit_event_default for select using (true)"),
      repair: () => owner("drop policy support on parlant.parlant_audit_event_default"),
      unhealthy: ["policies"],
      reason: /^policies: .*parlant_audit_event_default$/,
    },
    {
      name: "the guard no longer compares",
      damage: () =>
        replaceGuard("if workspace is null or actual is null then raise exception 'no' using errcode = 'PA001'; end if;"),
      repair: restoreGuard,
      unhealthy: ["guard"],
      reason: /^guard: A statement that rests on a wrong permission was not ended/,
    },
    {
      name: "the guard lets an absent permission pass",
      damage: () => replaceGuard("if actual <> decided then raise exception 'no' using errcode = 'PA001'; end if;"),
      repair: restoreGuard,
      unhealthy: ["guard"],
      reason: /^guard: A statement that rests on a wrong permission was not ended/,
    },
    {
      name: "the guard ends wrong statements with another error",
      damage: () => replaceGuard("if actual is null or actual <> decided then raise exception 'no'; end if;"),
      repair: restoreGuard,
      unhealthy: ["guard"],
      reason: /^guard: The guard fails instead of deciding/,
    },
    {
      name: "the workspace's salt is another one",
      damage: ({ id }) => changeSalt(id),
      repair: ({ id }) => changeSalt(id),
      unhealthy: ["keys", "boundary"],
      reason: /^keys: None of the newest rows verifies/,
    },
    {
      name: "a row was changed past the server",
      damage: ({ id }) => changeAge(id, "1 day"),
      repair: ({ id }) => changeAge(id, "-1 day"),
      unhealthy: ["keys", "boundary"],
      reason: /^boundary: Rows lie in this workspace/,
    },
    {
      name: "a row is signed under a secret that is not configured",
      damage: ({ id }) => changeKeyVersion(id, 1),
      repair: ({ id }) => changeKeyVersion(id, -1),
      unhealthy: ["keys", "boundary", "re-signing"],
      reason: /^re-signing: Rows are signed under a root secret that is no longer configured/,
    },
  ];
  return { breakages, changeState, replaceGuard, restoreGuard };
}
