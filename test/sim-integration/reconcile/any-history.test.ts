import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CURRENT_SIM } from "../../../server/db/sim-features.ts";
import type { Dependencies } from "../../../server/dependencies.ts";
import { applyEvent } from "../../../server/sim-integration/lifecycle/apply-event.ts";
import { createReconciler } from "../../../server/sim-integration/reconcile/reconciler.ts";
import type { SimEvent, SimEventType } from "../../../server/sim-integration/sim-event.ts";
import { withConnection } from "../../support/connection.ts";
import { createTestDatabase, grantPermission, makeWorkspace, type TestDatabase } from "../../support/database.ts";
import { callerWith, createTestDependencies } from "../../support/services.ts";
import { makeSignedInUser, type TestUser } from "../../support/workspace.ts";
import { simEvent, simOn } from "../lifecycle/sim-changes.ts";
import { differencesFrom, type KeptWorkspace, type ModelWorkspace, type OwnStatus } from "./model.ts";

let database: TestDatabase;
let dependencies: Dependencies;
let admin: TestUser;
let members: TestUser[];

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl);
  admin = await makeSignedInUser(database.owner);
  members = [await makeSignedInUser(database.owner), await makeSignedInUser(database.owner)];
});

afterAll(async () => {
  await dependencies?.close();
  await database?.drop();
});

const STEP_MS = 300_000;
const OWN_STATUSES = ["active", "inactive", "archived"] as const;

/** One workspace, its model, and the events that Sim has told of and nobody has delivered yet. */
class History {
  readonly id = randomUUID();
  readonly model: ModelWorkspace = {
    ...{ name: "First name", ownerId: admin.id, isRemoved: false, archivedAt: null, isDeletionDelivered: false },
    agents: new Map(),
    members: new Set([admin.id]),
    grants: new Map(),
  };
  readonly #waiting: { event: SimEvent; archive: number }[] = [];
  readonly #sim = simOn(database.owner);
  readonly #agents = callerWith(dependencies, admin.headers).workspaces.agents;
  readonly #ids = new Map<string, string>();
  /** Sim's clock; between two of its changes lie minutes. */
  #timeMs = Date.parse("2026-01-01T00:00:00Z");
  #archive = 0;

  async begin(): Promise<void> {
    await makeWorkspace(database.owner, { id: this.id, ownerId: admin.id, name: this.model.name });
    this.#told("workspace_created");
    for (const choice of [0, 1, 2]) {
      await this.#createAgent();
      await this.#changeAgent(choice, choice, false);
    }
  }

  async do({ what, pick, choice, flag }: { what: Operation; pick: number; choice: number; flag: boolean }): Promise<void> {
    this.#timeMs += STEP_MS;
    if (this.model.isRemoved && what !== "deliver") return;
    const isLive = this.model.archivedAt === null;
    const member = members[pick % members.length] as TestUser;
    switch (what) {
      case "archive":
        if (isLive) await this.#archiveNow(flag);
        return;
      case "restore":
        if (isLive) return;
        await this.#sim.restore(this.id);
        Object.assign(this.model, { archivedAt: null, isDeletionDelivered: false });
        this.#told("workspace_restored");
        return;
      case "remove":
        if (pick !== 0) return; // seldom, since nothing happens afterwards
        await this.#sim.remove(this.id);
        this.model.isRemoved = true;
        this.#told("workspace_deleted");
        return;
      case "rename":
        this.model.name = `Name ${pick}`;
        await this.#sim.rename(this.id, this.model.name);
        this.#told("workspace_updated");
        return;
      case "transfer":
        this.model.ownerId = flag ? member.id : admin.id;
        await this.#sim.transfer(this.id, this.model.ownerId);
        this.#told("workspace_ownership_transferred");
        return;
      case "add member":
        await grantPermission(database.owner, { userId: member.id, workspaceId: this.id, permission: "write" });
        this.model.members.add(member.id);
        this.#told("workspace_member_added", [member.id]);
        return;
      case "remove member": {
        await this.#sim.removeMember(this.id, member.id);
        this.model.members.delete(member.id);
        const grant = this.model.grants.get(member.id);
        if (grant) grant.isUnbroken = false;
        this.#told(flag ? "workspace_member_removed" : "workspace_permissions_updated", flag ? [member.id] : []);
        return;
      }
      case "create agent":
        if (isLive) await this.#createAgent();
        return;
      case "change agent":
        if (isLive) await this.#changeAgent(pick, choice, flag && pick % 5 === 0);
        return;
      case "grant":
        if (isLive && this.model.members.has(member.id)) await this.#grant(member);
        return;
      case "deliver":
        await this.#deliver(pick, flag);
        return;
    }
  }

  async #archiveNow(isDeletion: boolean): Promise<void> {
    const at = new Date(this.#timeMs);
    await this.#sim.archive(this.id, at);
    this.#archive++;
    Object.assign(this.model, { archivedAt: at, isDeletionDelivered: false });
    this.#told(isDeletion ? "workspace_deleted" : "workspace_archived");
  }

  async #createAgent(): Promise<void> {
    const name = `Agent ${this.#ids.size}`;
    const { id } = await this.#agents.create({ workspaceId: this.id, name });
    this.#ids.set(name, id);
    this.model.agents.set(name, { own: "active", isDeleted: false });
  }

  async #changeAgent(pick: number, choice: number, isDeletion: boolean): Promise<void> {
    const undeleted = [...this.model.agents].filter(([, { isDeleted }]) => !isDeleted);
    const [name, agent] = undeleted[pick % Math.max(1, undeleted.length)] ?? [];
    if (!name || !agent) return;
    const ref = { workspaceId: this.id, agentId: this.#ids.get(name) ?? "" };
    if (isDeletion) {
      await this.#agents.delete(ref);
      agent.isDeleted = true;
      return;
    }
    agent.own = OWN_STATUSES[choice] as OwnStatus;
    await this.#agents.update({ ...ref, status: agent.own });
  }

  async #grant(member: TestUser): Promise<void> {
    const [name] = [...this.model.agents].find(([, { isDeleted }]) => !isDeleted) ?? [];
    if (!name) return;
    await this.#agents.grants.set({
      ...{ workspaceId: this.id, agentId: this.#ids.get(name) ?? "", userId: member.id, level: "interact" },
    });
    this.model.grants.set(member.id, { isUnbroken: true });
  }

  /** Some event of those that wait, which may be told again, or never. */
  async #deliver(pick: number, isAgain: boolean): Promise<void> {
    const index = pick % Math.max(1, this.#waiting.length);
    const told = this.#waiting[index];
    if (!told) return;
    if (!isAgain) this.#waiting.splice(index, 1);
    if (pick % 7 === 0) return; // lost
    await applyEvent(dependencies.services.lifecycle, told.event);
    const isOfPresent = told.event.type === "workspace_deleted" && told.archive === this.#archive;
    if (isOfPresent && this.model.archivedAt !== null) this.model.isDeletionDelivered = true;
  }

  #told(type: SimEventType, userIds: string[] = []): void {
    const event = simEvent(type, this.id, { userIds, occurredAt: new Date(this.#timeMs) });
    this.#waiting.push({ event, archive: this.#archive });
  }

  async differences(): Promise<string[]> {
    return differencesFrom(this.model, await readKept(this.id));
  }
}

function readKept(workspaceId: string): Promise<KeptWorkspace> {
  return withConnection(database.superuserUrl, async (client) => {
    const rows = async (text: string) => (await client.query(text, [workspaceId])).rows;
    const [state] = await rows(
      `select settings, archived_at as "archivedAt", deletion_requested_at is not null as "isDeletionAsked"
       from parlant.parlant_workspace_state where workspace_id = $1`,
    );
    return {
      agents: await rows(
        `select name, status::text, archive_reason::text as reason, status_before_archive::text as before,
           deleted_at is not null as "isDeleted" from parlant.parlant_agent where workspace_id = $1`,
      ),
      grantees: (await rows("select distinct user_id from parlant.parlant_agent_grant where workspace_id = $1")).map(
        (row) => row.user_id,
      ),
      state: state ?? null,
    };
  });
}

async function sweep(): Promise<void> {
  const { lifecycle, sim } = dependencies.services;
  const reconciler = createReconciler({ lifecycle, sim, features: CURRENT_SIM, purgeAfterMs: 1e13 });
  const { failed } = await reconciler.sweep(new AbortController().signal);
  expect(failed).toBe(0);
}

const OPERATIONS = [
  ...["archive", "restore", "remove", "rename", "transfer", "add member", "remove member"],
  ...["create agent", "create agent", "change agent", "change agent", "grant", "deliver", "deliver", "deliver"],
] as const;
type Operation =
  | "archive"
  | "restore"
  | "remove"
  | "rename"
  | "transfer"
  | "add member"
  | "remove member"
  | "create agent"
  | "change agent"
  | "grant"
  | "deliver";

const operation = fc.noBias(
  fc.record({
    what: fc.constantFrom(...(OPERATIONS as readonly Operation[])),
    pick: fc.nat(20),
    choice: fc.nat(2),
    flag: fc.boolean(),
  }),
);

test("after any history and one sweep a workspace is what Sim's tables and what was done by hand say", {
  timeout: 300_000,
}, async () => {
  const histories = fc.array(operation, { minLength: 20, maxLength: 40, size: "max" });
  await fc.assert(
    fc.asyncProperty(histories, async (operations) => {
      const history = new History();
      await history.begin();
      for (const one of operations) await history.do(one);
      await sweep();
      expect(await history.differences()).toEqual([]);
      await sweep();
      expect(await history.differences()).toEqual([]);
    }),
    { numRuns: Number(process.env["HISTORY_RUNS"] ?? 12) },
  );
});

test("control: without the sweep, what no event told of is seen as a difference", async () => {
  const history = new History();
  await history.begin();
  for (const what of ["create agent", "archive"] as const) await history.do({ what, pick: 1, choice: 0, flag: false });
  expect(await history.differences()).not.toEqual([]);
  await sweep();
  expect(await history.differences()).toEqual([]);
});
