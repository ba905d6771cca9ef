import type { RootCalls } from "../generated/calls.ts";
import type { ParsedInputs } from "../generated/parsed-inputs.ts";
import type { StreamedEvent } from "../generated/schemas.ts";
import type { ServerProcedure } from "./server-rules.ts";

/** Every procedure of the server by its path, e.g. "workspaces.agents.create". */
export type ProcedurePath = keyof ParsedInputs;

/** What the server can do, as its sources say. */
export type ServerProcedures = { readonly [Path in ProcedurePath]: ServerProcedure };

/** What the fake does not do by itself: each is answered as the test says. */
export const GIVEN_PATHS = [
  "workspaces.access.members",
  "workspaces.access.check",
  "workspaces.access.explain",
  "workspaces.access.simulate",
  "workspaces.analytics.overview",
  "workspaces.analytics.timeseries",
  "workspaces.analytics.agents",
  "workspaces.audit.list",
  "workspaces.audit.export",
  "workspaces.audit.verify",
  "workspaces.audit.proof",
  "workspaces.isolation.health",
  "workspaces.isolation.report",
  "workspaces.webhooks.endpoints.create",
  "workspaces.webhooks.endpoints.list",
  "workspaces.webhooks.endpoints.get",
  "workspaces.webhooks.endpoints.update",
  "workspaces.webhooks.endpoints.delete",
  "workspaces.webhooks.endpoints.rotateSecret",
  "workspaces.webhooks.endpoints.deliveries",
  "workspaces.webhooks.endpoints.redeliver",
  "workspaces.webhooks.endpoints.test",
  "organizations.analytics.overview",
  "simIntegration.validate",
  "simIntegration.sync.workspaces",
  "simIntegration.sync.status",
  "simIntegration.webhooks.workspaceEvents",
  "simIntegration.webhooks.permissionUpdates",
  "simIntegration.webhooks.replay",
  "simIntegration.cache.clear",
] as const satisfies readonly ProcedurePath[];
export type GivenPath = (typeof GIVEN_PATHS)[number];

/** What streams; it is not given, since a test can append what is to come. */
export type StreamPath = "workspaces.events.stream";
/** What a test can answer in the fake's place. */
export type AnswerablePath = Exclude<ProcedurePath, StreamPath>;
/** What the fake does by itself. A procedure that the server gains is one of these, until it is one of the others. */
export type HeldPath = Exclude<ProcedurePath, GivenPath>;

type CallAt<Node, Path extends string> = Path extends `${infer Head}.${infer Rest}`
  ? Head extends keyof Node
    ? CallAt<Node[Head], Rest>
    : never
  : Path extends keyof Node
    ? Node[Path]
    : never;

/** What a procedure answers. */
export type OutputOf<Path extends AnswerablePath> =
  CallAt<RootCalls, Path> extends infer Call
    ? Call extends { query(...args: never[]): Promise<infer Output> }
      ? Output
      : Call extends { mutate(...args: never[]): Promise<infer Output> }
        ? Output
        : never
    : never;

/** What a procedure is given, its defaults filled in. */
export type InputOf<Path extends ProcedurePath> = ParsedInputs[Path];

export interface IdentifiedEvent {
  id: string;
  data: StreamedEvent;
}
