import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { ProcedureInfo } from "../../../server/rest/procedure-of.ts";
import { newId } from "../../../server/shared/ids.ts";
import {
  grantPermission,
  makeMember,
  makeOrganization,
  makeSession,
  makeUser,
  makeWorkspace,
  signSessionToken,
} from "../../support/database.ts";
import { TEST_BETTER_AUTH_SECRET } from "../../support/services.ts";
import type { TestUser } from "../../support/workspace.ts";
import { type ExampleInput, exampleInputs, type Filling, type IdSlot } from "./example-inputs.ts";

/** A workspace with its organization and people, and one thing of each kind that procedures name. */
export interface Place {
  workspaceId: string;
  organizationId: string;
  admin: TestUser;
  reader: TestUser;
  /** Marks every text in it. */
  canary: string;
  /** Ids by kind: of a thing that is there, and of one that is no more. */
  live: Record<string, string>;
  gone: Record<string, string>;
}

export type Procedures = Readonly<Record<string, ProcedureInfo>>;
/** Makes a call that must succeed. */
export type Act = (procedure: string, user: TestUser, input: unknown) => Promise<unknown>;

/**
 * The kinds of id that are Sim's or that nothing of ours makes: where the id of a place's own comes from. Every other
 * kind, say "agentId", is made by `workspaces.agents.create` and ended by `workspaces.agents.delete`.
 */
const SIMS_KINDS: Record<string, (place: Place) => string> = {
  workspaceId: ({ workspaceId }) => workspaceId,
  organizationId: ({ organizationId }) => organizationId,
  userId: ({ reader }) => reader.id,
  createdBy: ({ admin }) => admin.id,
  triggeredBy: ({ admin }) => admin.id,
  updatedBy: ({ admin }) => admin.id,
  affectedUsers: ({ reader }) => reader.id,
  customerId: ({ workspaceId }) => `customer of ${workspaceId}`,
  traceId: ({ workspaceId }) => `trace of ${workspaceId}`,
  actor: ({ admin }) => admin.id,
  actorId: ({ admin }) => admin.id,
  target: ({ live }) => live["agentId"] ?? "agent",
  targetId: ({ live }) => live["agentId"] ?? "agent",
};

/** A kind of ours that comes about by itself: the kinds that are needed for it, and how to have one that is there. */
interface KindOfCalls {
  needs: readonly string[];
  have(place: Place, act: Act): Promise<string>;
}

/** None of them ever ends. */
const KINDS_OF_CALLS: Record<string, KindOfCalls> = {
  auditEventId: {
    needs: [],
    async have({ workspaceId, admin }, act) {
      const { text } = (await act("workspaces.audit.export", admin, { workspaceId })) as { text: string };
      const [, first = ""] = text.split("\n");
      return (JSON.parse(first) as { leaf: { id: string } }).leaf.id;
    },
  },
  deliveryId: {
    needs: ["endpointId"],
    async have({ workspaceId, admin, live }, act) {
      const tested = await act("workspaces.webhooks.endpoints.test", admin, { workspaceId, endpointId: live["endpointId"] });
      return (tested as { deliveryId: string }).deliveryId;
    },
  },
};

/** An id of a kind that nothing has or ever had. */
export function absentId(kind: string): string {
  return Object.hasOwn(SIMS_KINDS, kind) ? randomUUID() : newId(Date.now());
}

/** Whether things of this kind are ours, so that a call naming an absent one is answered NOT_FOUND. */
export function isOurs(kind: string): boolean {
  return !Object.hasOwn(SIMS_KINDS, kind);
}

/** A workspace of an organization of its own, whose admin (of both) is `admin` if given, and a reader. */
export async function makePlace(owner: pg.Client, admin?: TestUser): Promise<Place> {
  const canary = `canary${randomUUID().slice(0, 8)}`;
  const head = admin ?? (await makePerson(owner, canary));
  const { id: organizationId } = await makeOrganization(owner, { name: `Organization ${canary}` });
  if (!admin) await makeMember(owner, { organizationId, userId: head.id, role: "owner" });
  const { id: workspaceId } = await makeWorkspace(owner, { ownerId: head.id, name: `Workspace ${canary}`, organizationId });
  const reader = await makePerson(owner, canary);
  await grantPermission(owner, { userId: reader.id, workspaceId, permission: "read" });
  return { workspaceId, organizationId, admin: head, reader, canary, live: {}, gone: {} };
}

async function makePerson(owner: pg.Client, canary: string): Promise<TestUser> {
  const { id } = await makeUser(owner, { name: `Person ${canary}` });
  const session = await makeSession(owner, id);
  return { id, headers: { authorization: `Bearer ${signSessionToken(session.token, TEST_BETTER_AUTH_SECRET)}` } };
}

/**
 * Gives the place a live thing and an ended one of each kind, by the API.
 *
 * @throws Error where nothing makes things of a kind, saying what to add
 */
export async function furnish(place: Place, kinds: readonly string[], procedures: Procedures, act: Act): Promise<void> {
  for (const kind of kinds) {
    if (Object.hasOwn(SIMS_KINDS, kind)) {
      place.live[kind] = SIMS_KINDS[kind]?.(place) ?? "";
      place.gone[kind] ??= randomUUID();
      continue;
    }
    if (Object.hasOwn(KINDS_OF_CALLS, kind)) {
      place.live[kind] = (await KINDS_OF_CALLS[kind]?.have(place, act)) ?? "";
      place.gone[kind] ??= newId(Date.now());
      continue;
    }
    const [create, end] = makersOf(kind, procedures);
    const gone = await makeThing(place, create, procedures, act);
    const ref = inputOf(end, procedures, {
      idOf: (slot) => (slot.kind === kind ? gone : (place.live[slot.kind] ?? "")),
      text: "",
    });
    await act(end, place.admin, ref.value);
    place.gone[kind] = gone;
    place.live[kind] = await makeThing(place, create, procedures, act);
  }
}

/** The kinds of id that the procedures' inputs name, each behind those that are needed to make it. */
export function kindsOf(paths: readonly string[], procedures: Procedures): string[] {
  const found = new Set<string>();
  const visitInput = (path: string) => {
    for (const { kind } of slotsOf(path, procedures)) visit(kind);
  };
  const visit = (kind: string) => {
    if (found.has(kind)) return;
    if (Object.hasOwn(KINDS_OF_CALLS, kind)) for (const needed of KINDS_OF_CALLS[kind]?.needs ?? []) visit(needed);
    else if (isOurs(kind)) visitInput(makersOf(kind, procedures)[0]);
    found.add(kind);
  };
  visit("workspaceId");
  visit("agentId"); // what a log or a list shows is about agents
  for (const path of paths) visitInput(path);
  return [...found];
}

/** The places of ids in a procedure's example inputs. */
export function slotsOf(path: string, procedures: Procedures): IdSlot[] {
  const procedure = procedures[path];
  if (!procedure) throw new Error(`There is no procedure "${path}"`);
  return exampleInputs(path, procedure.input, { idOf: ({ kind }) => absentId(kind), text: "x" }).flatMap(({ slots }) => slots);
}

async function makeThing(place: Place, create: string, procedures: Procedures, act: Act): Promise<string> {
  const filling = {
    idOf: (slot: { kind: string }) => place.live[slot.kind] ?? "",
    text: `${place.canary} ${randomUUID().slice(0, 8)}`,
  };
  const made = await act(create, place.admin, inputOf(create, procedures, filling, "with every field").value);
  return (made as { id: string }).id;
}

function makersOf(kind: string, procedures: Procedures): [string, string] {
  const plural = kind.replace(/Id$/, "s");
  // Also one level further down, as workspaces.webhooks.endpoints.create.
  const [create, end] = ["create", "delete"].map((verb) =>
    Object.keys(procedures).find((path) => path.startsWith("workspaces.") && path.endsWith(`.${plural}.${verb}`)),
  );
  if (create && end) return [create, end];
  throw new Error(
    `Nothing is known of ids of the kind "${kind}": there is no workspaces.${plural}.create and .delete, so add to SIMS_KINDS in test/isolation/replay/place.ts where such an id comes from`,
  );
}

/** The named example of a procedure's input, or the least where there is none by that name. */
export function inputOf(path: string, procedures: Procedures, filling: Filling, name = "least"): ExampleInput {
  const procedure = procedures[path];
  const examples = procedure ? exampleInputs(path, procedure.input, filling) : [];
  const found = examples.find((example) => example.name === name) ?? examples[0];
  if (!found) throw new Error(`There is no procedure "${path}"`);
  return found;
}
