import type { Prisma } from "../../server/db/generated/client.ts";
import type { Action, ScopedModelName } from "../../server/db/scoped-models.ts";
import type { WorkspaceDb, WorkspaceTransaction } from "../../server/db/workspace-db.ts";
import type { ScopedArguments, WithoutHidden } from "../../server/db/workspace-types.ts";

/*
 * Over every model and action, so that one that is added is checked too: nowhere in the arguments, however deep, is
 * there a name by which a workspace could be said.
 */
type Named = "workspaceId" | `workspaceId_${string}` | "workspace";
/** How far down the arguments are looked through: the types that nest come round again well before. */
type Deepest = 5;
type Opaque = Date | Uint8Array | bigint | symbol | ((...args: never[]) => unknown);

/** true where a name of a workspace stands in the type; a boolean where it does in some place. */
type NamesWorkspace<Type, Depth extends 0[] = []> = Depth["length"] extends Deepest
  ? false
  : Type extends Opaque
    ? false
    : Type extends readonly (infer One)[]
      ? NamesWorkspace<One, [...Depth, 0]>
      : Type extends object
        ? Extract<keyof Type, Named> extends never
          ? { [Name in keyof Type]-?: NamesWorkspace<Type[Name], [...Depth, 0]> }[keyof Type]
          : true
        : false;

type PrismasOf<Name extends ScopedModelName, Verb extends Action> = Prisma.TypeMap["model"][Name]["operations"][Verb]["args"];

/** The calls whose arguments name a workspace somewhere, e.g. "Agent.findMany". */
type CallsThatNameIt<Of extends "ours" | "prismas"> = {
  [Name in ScopedModelName]: {
    [Verb in Action]: true extends NamesWorkspace<Of extends "ours" ? ScopedArguments<Name, Verb> : PrismasOf<Name, Verb>>
      ? `${Name}.${Verb}`
      : never;
  }[Action];
}[ScopedModelName];

type Same<One, Other> = [One, Other] extends [Other, One] ? true : false;
const holds = <Claim extends true>(): Claim | undefined => undefined;

holds<Same<CallsThatNameIt<"ours">, never>>();
// The control: by Prisma's own types there is no call that does not name it.
holds<Same<CallsThatNameIt<"prismas">, `${ScopedModelName}.${Action}`>>();

/** Nor does one slip in as a name more than the type of a filter has, at its top or further down. */
/** Beside a name that a filter has: alone, the compiler would refuse it for having nothing in common with one. */
type SlippedIn =
  | { AND: []; workspaceId: "b" }
  | { AND: [{ NOT: []; workspaceId: "b" }] }
  | { AND: []; workspace: { is: { id: "b" } } }
  | { AND: []; workspaceId_id: { workspaceId: "b"; id: "x" } };
/** The arguments, each holding one of these, that the type of a call takes; "not" leaves out the check of its own arguments. */
type Slips<
  Name extends ScopedModelName,
  Verb extends Action,
  Argument,
  Checked extends "checked" | "not",
> = Argument extends string
  ? SlippedIn extends infer One
    ? One extends One
      ? Passes<{ [Given in Argument]: One }, ScopedArguments<Name, Verb>, Checked>
      : never
    : never
  : never;
type Passes<Call, Arguments, Checked extends "checked" | "not"> = Call extends Arguments
  ? Checked extends "not"
    ? true
    : Call extends WithoutHidden<Call>
      ? true
      : false
  : false;
type CallsThatSlip<Checked extends "checked" | "not"> = {
  [Name in ScopedModelName]: {
    [Verb in Action]: true extends Slips<Name, Verb, keyof ScopedArguments<Name, Verb>, Checked> ? `${Name}.${Verb}` : never;
  }[Action];
}[ScopedModelName];

holds<Same<CallsThatSlip<"checked">, never>>();
// The control: the arguments' types alone let it through in every model.
holds<Same<Extract<CallsThatSlip<"not">, `${string}.findMany`>, `${ScopedModelName}.findMany`>>();

/** There is every action of every model and nothing else: nothing raw, no client behind it and no way to extend it. */
holds<Same<{ [Name in ScopedModelName]: keyof WorkspaceDb[Uncapitalize<Name>] }[ScopedModelName], Action>>();
type Internal = `$${string}` | `_${string}` | "constructor";
holds<Same<Extract<keyof WorkspaceDb | keyof WorkspaceTransaction, Internal>, never>>();
holds<Same<Extract<Exclude<Uncapitalize<Prisma.ModelName>, Uncapitalize<ScopedModelName>>, keyof WorkspaceDb>, never>>();

/** What the types of a workspace's client allow and refuse; checked by the compiler, never run. */
export async function typesOfAWorkspacesClient(db: WorkspaceDb): Promise<void> {
  const agent = await db.agent.findFirst({ where: { name: "x", grants: { some: { userId: "u" } } }, include: { grants: true } });
  const levels: string[] = (agent?.grants ?? []).map(({ level }) => level);
  const one: { name: string } | null = await db.agent.findUnique({ where: { id: "x" }, select: { name: true } });
  await db.agentGrant.update({
    where: { agentId: "x", userId: "u" },
    data: { level: "view" },
  });
  void [levels, one];

  // @ts-expect-error a filter names no workspace
  await db.agent.findMany({ where: { workspaceId: "b" } });
  // @ts-expect-error nor deep in it
  await db.agent.findMany({ where: { OR: [{ NOT: { grants: { some: { workspaceId: "b" } } } }] } });
  // @ts-expect-error nor by the compound key
  await db.agent.findUnique({ where: { workspaceId_id: { workspaceId: "b", id: "x" } } });
  // @ts-expect-error nor in data
  await db.agent.updateMany({ where: {}, data: { workspaceId: "b" } });
  // @ts-expect-error nor by way of Sim's workspace
  await db.agent.findMany({ where: { workspace: { is: { id: "b" } } } });
  // @ts-expect-error there is no raw SQL
  await db.$queryRaw`select 1`;
  // @ts-expect-error nor the client behind it
  void db.$parent;
  // @ts-expect-error nor a way to extend it
  void db.$extends;
  // @ts-expect-error nor Sim's tables
  void db.simUser;
}
