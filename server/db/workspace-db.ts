import { hash } from "node:crypto";
import { type AgentPageQuery, type AgentRow, agentPageStatement } from "./agent-page.ts";
import { type Binding, runBound } from "./binding.ts";
import type { Prisma, PrismaClient } from "./generated/client.ts";
import type { ModelMetadata } from "./model-metadata.ts";
import { scopeArguments } from "./scope-arguments.ts";
import { type AllowedAction, MODEL_SCOPE, type ScopedModelName } from "./scoped-models.ts";
import type { Statement } from "./sim-reader.ts";

type Operations<Name extends ScopedModelName> = Prisma.TypeMap["model"][Name]["operations"];
type WithoutWorkspace<Type> = Type extends readonly (infer Row)[] ? WithoutWorkspace<Row>[] : Omit<Type, "workspaceId">;
type Where<Name extends ScopedModelName> = WithoutWorkspace<NonNullable<Operations<Name>["findMany"]["args"]["where"]>>;
type Rows<Name extends ScopedModelName> = WithoutWorkspace<Extract<Operations<Name>["createMany"]["args"]["data"], unknown[]>>;
type Changes<Name extends ScopedModelName> = WithoutWorkspace<Operations<Name>["updateMany"]["args"]["data"]>;
type Order<Name extends ScopedModelName> = Operations<Name>["findMany"]["args"]["orderBy"];
type Selection<Name extends ScopedModelName> = NonNullable<Operations<Name>["findMany"]["args"]["select"]>;
type Row<Name extends ScopedModelName> = Prisma.TypeMap["model"][Name]["payload"]["scalars"];
type Selected<Name extends ScopedModelName, Args> = Args extends { select: infer Chosen }
  ? Pick<Row<Name>, keyof Chosen & keyof Row<Name>>
  : Row<Name>;

interface FindArgs<Name extends ScopedModelName> {
  where?: Where<Name>;
  orderBy?: Order<Name>;
  select?: Selection<Name>;
  take?: number;
  skip?: number;
}

/** What a verb can do with one model: the rows of its own workspace and no others; the workspace is never an argument. */
export interface ScopedModel<Name extends ScopedModelName> {
  findFirst<Args extends FindArgs<Name>>(args: Args): Promise<Selected<Name, Args> | null>;
  findMany<Args extends FindArgs<Name>>(args: Args): Promise<Selected<Name, Args>[]>;
  count(args?: { where?: Where<Name> }): Promise<number>;
  create(args: { data: Rows<Name>[number] }): Promise<Row<Name>>;
  createMany(args: { data: Rows<Name>; skipDuplicates?: boolean }): Promise<{ count: number }>;
  updateMany(args: { where: Where<Name>; data: Changes<Name> }): Promise<{ count: number }>;
  updateManyAndReturn(args: { where: Where<Name>; data: Changes<Name> }): Promise<Row<Name>[]>;
  deleteMany(args: { where: Where<Name> }): Promise<{ count: number }>;
}

const FACADE_ACTIONS = [
  "findFirst",
  "findMany",
  "count",
  "create",
  "createMany",
  "updateMany",
  "updateManyAndReturn",
  "deleteMany",
] as const satisfies readonly (keyof ScopedModel<"Agent"> & AllowedAction)[];

type Models = { readonly [Name in ScopedModelName as Uncapitalize<Name>]: ScopedModel<Name> };

/** The database as one workspace sees it, inside a transaction. */
export type WorkspaceTransaction = Models & {
  /**
   * Takes a lock of this workspace for the rest of the transaction, or answers false where another transaction holds it.
   * The lock is 64 bits of the name's SHA-256.
   */
  tryLock(name: readonly string[]): Promise<boolean>;
};

/** The database as one workspace sees it. There is nothing else on it: no raw SQL, no client behind it, no workspaceId. */
export type WorkspaceDb = Models & {
  /** A page of the workspace's undeleted agents. */
  agentPage(query: AgentPageQuery): Promise<AgentRow[]>;
  /** Runs `work` in one READ COMMITTED transaction, entered at its begin and checked again at its commit. */
  transaction<Result>(work: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result>;
};

/** How long an interactive transaction may last, and wait for a connection, in milliseconds. */
const TRANSACTION_TIMEOUT_MS = 15_000;

/** What the clients of all workspaces share. */
export interface WorkspaceDbBase {
  prisma: PrismaClient;
  metadata: ModelMetadata;
  query(binding: Binding, statement: Statement): Promise<object[]>;
}

export interface WorkspaceDbOptions {
  /** Off only where a test shows that the database holds alone. */
  isExtensionOn?: boolean;
  transactionMaxWaitMs?: number;
}

/**
 * The client of one workspace: the Prisma extension that scopes every model action, behind a facade that shows only
 * what is allowed. The workspace sits in the closure; the binding travels with each query to the pool.
 */
export function createWorkspaceDb(base: WorkspaceDbBase, binding: Binding, options: WorkspaceDbOptions = {}): WorkspaceDb {
  const { isExtensionOn = true, transactionMaxWaitMs = 30_000 } = options;
  const { relationFields, columns } = base.metadata;
  const extended = base.prisma.$extends({
    name: "workspace",
    query: {
      $allModels: {
        $allOperations({ model, operation, args, query }) {
          const scoped = isExtensionOn
            ? scopeArguments({ model, action: operation, args }, binding.workspaceId, relationFields)
            : args;
          // Prisma's promises run when awaited, so the binding must be in place at the await.
          return runBound(binding, async () => await query(scoped as typeof args));
        },
      },
    },
  });
  return Object.freeze({
    ...facade(extended),
    agentPage: (query: AgentPageQuery) =>
      base.query(binding, agentPageStatement(binding.workspaceId, columns.get("Agent") ?? "", query)) as Promise<AgentRow[]>,
    transaction: <Result>(work: (tx: WorkspaceTransaction) => Promise<Result>) =>
      runBound(binding, () =>
        extended.$transaction((tx) => work({ ...facade(tx), tryLock: (name) => tryLock(tx, [binding.workspaceId, ...name]) }), {
          maxWait: transactionMaxWaitMs,
          timeout: TRANSACTION_TIMEOUT_MS,
        }),
      ),
  });
}

async function tryLock(tx: Pick<PrismaClient, "$queryRaw">, name: readonly string[]): Promise<boolean> {
  const key = hash("sha256", JSON.stringify(name), "buffer").readBigInt64BE();
  const rows = await tx.$queryRaw<{ taken: boolean }[]>`select pg_try_advisory_xact_lock(${key}) as taken`;
  return rows[0]?.taken === true;
}

type Delegate = Record<string, (args: unknown) => unknown>;

function facade(client: object): Models {
  const delegates = client as Record<string, Delegate>;
  const models: Record<string, Delegate> = {};
  for (const [model, scope] of Object.entries(MODEL_SCOPE)) {
    if (scope !== "workspace") continue;
    const name = model[0]?.toLowerCase() + model.slice(1);
    const delegate = delegates[name];
    if (!delegate) throw new Error(`Prisma has no model "${name}"`);
    models[name] = Object.freeze(
      Object.fromEntries(FACADE_ACTIONS.map((action) => [action, (args: unknown) => delegate[action]?.(args)])),
    );
  }
  return Object.freeze(models) as unknown as Models;
}
