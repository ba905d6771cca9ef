import type { Prisma, PrismaClient } from "./generated/client.ts";
import type { Action, ScopedModelName } from "./scoped-models.ts";

/** What no verb says: the workspace, the keys that are led by it, and the way to Sim's row of it. */
type Hidden = "workspaceId" | `workspaceId_${string}` | "workspace";
type Opaque = Date | Uint8Array | bigint | ((...args: never[]) => unknown) | symbol;

/** Arguments as Prisma has them, without what is hidden, at every depth. */
type Unscoped<Args> = Args extends Opaque
  ? Args
  : Args extends readonly (infer One)[]
    ? Args extends unknown[]
      ? Unscoped<One>[]
      : readonly Unscoped<One>[]
    : Args extends object
      ? { [Name in keyof Args as Name extends Hidden ? never : Name]: Unscoped<Args[Name]> }
      : Args;

/** Makes a hidden name in a call's own arguments an error, where a type parameter would let it pass as one name more. */
export type WithoutHidden<Args> = Args extends Opaque
  ? Args
  : Args extends readonly (infer One)[]
    ? readonly WithoutHidden<One>[]
    : Args extends object
      ? { [Name in keyof Args]: Name extends Hidden ? never : WithoutHidden<Args[Name]> }
      : Args;

type Operations<Name extends ScopedModelName> = Prisma.TypeMap["model"][Name]["operations"];
type Delegate<Name extends ScopedModelName> = PrismaClient[Uncapitalize<Name>];

/** What an action of a model takes: all that Prisma's takes, less the workspace. */
export type ScopedArguments<Name extends ScopedModelName, Verb extends Action> = Unscoped<Operations<Name>[Verb]["args"]>;

/** The actions that a verb finds on a model; each takes what Prisma's takes, less the workspace. */
export type ScopedModel<Name extends ScopedModelName> = {
  [Verb in Action]: <Args extends ScopedArguments<Name, Verb>>(
    args: Args & WithoutHidden<Args>,
  ) => Promise<Prisma.Result<Delegate<Name>, Args, Verb>>;
};

/** Every model whose rows are a workspace's. */
export type ScopedModels = { readonly [Name in ScopedModelName as Uncapitalize<Name>]: ScopedModel<Name> };
