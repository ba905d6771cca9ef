import type { MutationCall, QueryCall } from "../call.ts";
import type { SimClient } from "../create-client.ts";
import type { WorkspacesCalls } from "../generated/calls.ts";
import { keyOf, type WorkspaceKey } from "./keys.ts";
import {
  type ChangeOptions,
  changeOptions,
  type PageOptions,
  pageOptions,
  type ReadOptions,
  readOptions,
} from "./procedure-options.ts";

type Paged = { data: unknown[]; nextCursor: string | null };

/** How each procedure is offered. One that the server has and that is missing here, or is offered as another, does not compile. */
export type KindsFor<Calls> = {
  [Name in keyof Calls]: Calls[Name] extends QueryCall<infer _Input, infer Output>
    ? Output extends Paged
      ? "pages"
      : "read"
    : Calls[Name] extends { mutate: unknown }
      ? "change" | "create"
      : Calls[Name] extends { subscribe: unknown }
        ? "stream"
        : KindsFor<Calls[Name]>;
};

const KINDS = {
  access: { me: "read", members: "pages", check: "read", explain: "read", simulate: "read" },
  agents: {
    create: "create",
    list: "pages",
    get: "read",
    update: "change",
    delete: "change",
    restore: "change",
    grants: { list: "pages", set: "change", remove: "change" },
  },
  analytics: { overview: "read", timeseries: "read", agents: "pages" },
  audit: { list: "pages", export: "read", verify: "read", proof: "read" },
  events: { append: "create", list: "read", stream: "stream" },
  isolation: { health: "read", report: "read" },
  sessions: { create: "create", list: "pages", get: "read", update: "change", delete: "change" },
  guidelines: {
    create: "create",
    list: "pages",
    update: "change",
    delete: "change",
    import: "create",
    export: "read",
  },
  webhooks: {
    endpoints: {
      create: "create",
      list: "pages",
      get: "read",
      update: "change",
      delete: "change",
      rotateSecret: "change",
      deliveries: "pages",
      redeliver: "change",
      test: "change",
    },
  },
} as const satisfies KindsFor<WorkspacesCalls>;

/** The options of every procedure below a router, and the key with which all their answers begin. */
export type OptionsOf<Calls> = {
  readonly [Name in keyof Calls as Calls[Name] extends { subscribe: unknown } ? never : Name]: Calls[Name] extends QueryCall<
    infer Input,
    infer Output
  >
    ? Output extends Paged
      ? PageOptions<Input, Output>
      : ReadOptions<Input, Output>
    : Calls[Name] extends MutationCall<infer Input, infer Output>
      ? ChangeOptions<Input, Output>
      : OptionsOf<Calls[Name]>;
} & { queryKey(): WorkspaceKey };

export type WorkspaceOptions = OptionsOf<WorkspacesCalls>;

/**
 * TanStack Query's options for every procedure of a workspace. Two workspaces share no entry of the cache: each key begins
 * with its workspace's id.
 */
export function workspaceOptions({ trpc }: Pick<SimClient, "trpc">, workspaceId: string): WorkspaceOptions {
  return optionsOf(trpc.workspaces, KINDS, workspaceId, []) as WorkspaceOptions;
}

interface Kinds {
  readonly [name: string]: "read" | "pages" | "change" | "create" | "stream" | Kinds;
}

function optionsOf(calls: object, kinds: Kinds, workspaceId: string, path: readonly string[]): object {
  const options: Record<string, unknown> = { queryKey: () => keyOf(workspaceId, path) };
  for (const [name, kind] of Object.entries(kinds)) {
    const call: unknown = calls[name as keyof typeof calls];
    const place = { workspaceId, path: [...path, name] };
    if (typeof kind === "object") options[name] = optionsOf(call as object, kind, workspaceId, place.path);
    else if (kind === "read") options[name] = readOptions(place, call as QueryCall<object, unknown>);
    else if (kind === "pages") options[name] = pageOptions(place, call as QueryCall<object, Paged>);
    else if (kind !== "stream") options[name] = changeOptions(place, call as MutationCall<object, unknown>, kind === "create");
  }
  return options;
}
