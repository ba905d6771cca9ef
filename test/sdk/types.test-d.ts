import type { TRPCClient } from "@trpc/client";
import type { inferRouterError, inferRouterInputs, inferRouterOutputs } from "@trpc/server";
import type { ServerErrorCode } from "../../client-sdk/src/errors.ts";
import type { RootCalls, SimIntegrationCalls, WorkspacesAgentsCalls } from "../../client-sdk/src/generated/calls.ts";
import type { KindsFor } from "../../client-sdk/src/react/workspace-options.ts";
import type { MethodsFor } from "../../client-sdk/src/resource.ts";
import type { SimRouter } from "../../client-sdk/src/sim-router.ts";
import type { AppRouter } from "../../server/router.ts";
import type { ErrorCode } from "../../server/shared/errors.ts";

/*
 * The client's generated types are the server's: each stands where the other is asked for. Nothing here runs; a
 * difference does not compile.
 */

type Inputs = inferRouterInputs<AppRouter>;
type Outputs = inferRouterOutputs<AppRouter>;
type ClientInputs = inferRouterInputs<SimRouter>;
type ClientOutputs = inferRouterOutputs<SimRouter>;

type IsMutual<Left, Right> = [Left] extends [Right] ? ([Right] extends [Left] ? true : false) : false;
/** A missing optional key is no obstacle to assignment: it shows once every key is required. */
type Filled<Type> = Type extends Date ? Type : { [Key in keyof Type]-?: Filled<Type[Key]> };
type IsSame<Left, Right> = IsMutual<Left, Right> extends true ? IsMutual<Filled<Left>, Filled<Right>> : false;
type IsAny<Type> = 0 extends 1 & Type ? true : false;
const isTrue = <_Claim extends true>(): void => {};
const isFalse = <_Claim extends false>(): void => {};

isTrue<IsSame<Inputs, ClientInputs>>();
isTrue<IsSame<Outputs, ClientOutputs>>();
isTrue<IsSame<ErrorCode, ServerErrorCode>>();
isTrue<IsSame<inferRouterError<AppRouter>, inferRouterError<SimRouter>>>();
isFalse<IsAny<ClientInputs["workspaces"]["agents"]["create"]>>();
isFalse<IsAny<ClientOutputs["workspaces"]["agents"]["create"]>>();

/** The calls that the client declares are those that tRPC makes of the router. */
type RawCalls = Pick<TRPCClient<SimRouter>, keyof RootCalls>;
isTrue<[RawCalls] extends [RootCalls] ? true : false>();

// Controls: a field less, required or not, a Date as its text, and a procedure too many are seen.
type Agents = ClientOutputs["workspaces"]["agents"];
type Workspaces = ClientOutputs["workspaces"];
type WithAgents<Changed> = Omit<ClientOutputs, "workspaces"> & { workspaces: Omit<Workspaces, "agents"> & { agents: Changed } };
// @ts-expect-error
isTrue<IsSame<Outputs, WithAgents<Omit<Agents, "get"> & { get: Omit<Agents["get"], "version"> }>>>();
// @ts-expect-error
isTrue<IsSame<Outputs, WithAgents<Omit<Agents, "get"> & { get: Omit<Agents["get"], "createdAt"> & { createdAt: string } }>>>();
// @ts-expect-error
isTrue<IsSame<Outputs, WithAgents<Agents & { purge: Agents["get"] }>>>();
isTrue<IsSame<Outputs, WithAgents<Agents>>>();
// @ts-expect-error
isTrue<IsSame<ClientInputs["workspaces"]["agents"]["list"], Omit<Inputs["workspaces"]["agents"]["list"], "search">>>();

/** A resource that forgets a procedure is refused. */
// @ts-expect-error
export class Forgetful implements MethodsFor<Pick<WorkspacesAgentsCalls, "get" | "list">> {
  get(): void {}
}
export class Complete implements MethodsFor<Pick<WorkspacesAgentsCalls, "get" | "list">> {
  get(): void {}
  list(): void {}
}
/** Also one that forgets a procedure of a group in it. */
export class ForgetfulWithin implements MethodsFor<Pick<SimIntegrationCalls, "health" | "sync">> {
  // @ts-expect-error
  readonly sync = { status: () => {} };
  health(): void {}
}
export class CompleteWithin implements MethodsFor<Pick<SimIntegrationCalls, "health" | "sync">> {
  readonly sync = { status: () => {}, workspaces: () => {} };
  health(): void {}
}

/** Options for React that forget a procedure, or offer a list as no list, are refused. */
isTrue<{ get: "read"; list: "pages" } extends KindsFor<Pick<WorkspacesAgentsCalls, "get" | "list">> ? true : false>();
isFalse<{ get: "read" } extends KindsFor<Pick<WorkspacesAgentsCalls, "get" | "list">> ? true : false>();
isFalse<{ get: "read"; list: "read" } extends KindsFor<Pick<WorkspacesAgentsCalls, "get" | "list">> ? true : false>();
isFalse<{ create: "read" } extends KindsFor<Pick<WorkspacesAgentsCalls, "create">> ? true : false>();
