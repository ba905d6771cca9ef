import type { z } from "zod";
import type { Agent, AuditEventPage } from "../../../client-sdk/src/index.ts";
import type { OpenHandlers, WorkspaceHandlers } from "../../../client-sdk/src/testing/handlers.ts";
import type { FakeServer } from "../../../client-sdk/src/testing/index.ts";
import type { GivenPath, InputOf, OutputOf, ProcedurePath, StreamPath } from "../../../client-sdk/src/testing/procedures.ts";
import type { SetGrantInput } from "../../../server/workspaces/agents/grants/schemas.ts";
import type { CreateAgentInput, ListAgentsInput, UpdateAgentInput } from "../../../server/workspaces/agents/schemas.ts";
import type { AppendEventsInput, ListEventsInput, StreamEventsInput } from "../../../server/workspaces/events/schemas.ts";
import type { ImportGuidelinesInput, ListGuidelinesInput } from "../../../server/workspaces/guidelines/schemas.ts";
import type { CreateSessionInput, ListSessionsInput, UpdateSessionInput } from "../../../server/workspaces/sessions/schemas.ts";

/*
 * The fake's types are the server's, and leave no procedure out. Nothing here runs; a difference does not compile.
 */

type IsMutual<Left, Right> = [Left] extends [Right] ? ([Right] extends [Left] ? true : false) : false;
/** A missing optional key is no obstacle to assignment: it shows once every key is required. */
type Filled<Type> = Type extends Date ? Type : { [Key in keyof Type]-?: Filled<Type[Key]> };
type IsSame<Left, Right> = IsMutual<Left, Right> extends true ? IsMutual<Filled<Left>, Filled<Right>> : false;
/** Metadata is any JSON, which the generated types call unknown. */
type Plain<Type> = Type extends Date
  ? Type
  : Type extends (infer Item)[]
    ? Plain<Item>[]
    : Type extends object
      ? { [Key in keyof Type as Key extends "metadata" ? never : Key]: Plain<Type[Key]> }
      : Type;
type IsPlainlySame<Left, Right> = IsSame<Plain<Left>, Plain<Right>>;
const isTrue = <_Claim extends true>(): void => {};
const isFalse = <_Claim extends false>(): void => {};

/** A handler is given what the server's own verb is. */
isTrue<IsPlainlySame<InputOf<"workspaces.agents.create">, CreateAgentInput>>();
isTrue<IsSame<InputOf<"workspaces.agents.list">, ListAgentsInput>>();
isTrue<IsPlainlySame<InputOf<"workspaces.agents.update">, UpdateAgentInput>>();
isTrue<IsSame<InputOf<"workspaces.agents.grants.set">, SetGrantInput>>();
isTrue<IsSame<InputOf<"workspaces.guidelines.list">, ListGuidelinesInput>>();
isTrue<IsPlainlySame<InputOf<"workspaces.guidelines.import">, ImportGuidelinesInput>>();
isTrue<IsPlainlySame<InputOf<"workspaces.sessions.create">, CreateSessionInput>>();
isTrue<IsSame<InputOf<"workspaces.sessions.list">, ListSessionsInput>>();
isTrue<IsPlainlySame<InputOf<"workspaces.sessions.update">, UpdateSessionInput>>();
isTrue<[AppendEventsInput] extends [InputOf<"workspaces.events.append">] ? true : false>();
isTrue<IsSame<InputOf<"workspaces.events.list">, ListEventsInput>>();
isTrue<IsSame<InputOf<"workspaces.events.stream">, StreamEventsInput>>();
isTrue<IsSame<OutputOf<"workspaces.agents.create">, Agent>>();
isTrue<IsSame<OutputOf<"workspaces.audit.list">, AuditEventPage>>();
// Controls: what is given before its defaults is something else, as is another's output.
isFalse<
  IsPlainlySame<
    InputOf<"workspaces.agents.create">,
    z.input<typeof import("../../../server/workspaces/agents/schemas.ts").CreateAgentInput>
  >
>();
isFalse<IsPlainlySame<InputOf<"workspaces.agents.create">, UpdateAgentInput>>();
isFalse<IsSame<OutputOf<"workspaces.agents.create">, AuditEventPage>>();

/** No procedure is without somebody who answers it. */
type Unanswered<Path> = Exclude<Path, keyof WorkspaceHandlers | keyof OpenHandlers | StreamPath | GivenPath>;
isTrue<[Unanswered<ProcedurePath>] extends [never] ? true : false>();
isFalse<[Unanswered<ProcedurePath | "workspaces.agents.purge">] extends [never] ? true : false>();
declare const handlers: WorkspaceHandlers;
const { "workspaces.agents.create": _, ...forgetful } = handlers;
// @ts-expect-error: one is missing
export const incomplete: WorkspaceHandlers = forgetful;

export function give(server: FakeServer): void {
  const isolation = { workspaceId: "ws", verified: true };
  server.answer("workspaces.audit.list", { data: [], nextCursor: null, isolation });
  server.answer("workspaces.audit.list", ({ limit }) => ({ data: [], nextCursor: String(limit.toFixed()), isolation }));
  // @ts-expect-error: no page
  server.answer("workspaces.audit.list", { data: [] });
  // @ts-expect-error: nor here
  server.answer("workspaces.audit.list", () => ({ data: [{ id: 1 }], nextCursor: null, isolation }));
  // @ts-expect-error: what streams is appended to
  server.answer("workspaces.events.stream", { data: [] });
  // @ts-expect-error: no such procedure
  server.answer("workspaces.agents.purge", {});
}
