import {
  type AgentPageQuery,
  type AgentsByIdQuery,
  agentPageStatement,
  agentsByIdStatement,
  type GrantedAgentRow,
} from "./agent-page.ts";
import { type AnalyticsReads, analyticsReads } from "./analytics-reads.ts";
import {
  type AppendAuditLeaves,
  type AuditLogReader,
  createAuditLogReader,
  createLeafAppender,
  createUnsealedReader,
  type ReadUnsealedEvents,
} from "./audit-log.ts";
import { type Binding, runBound } from "./binding.ts";
import { isRowRefused } from "./errors.ts";
import {
  type AppendEventsQuery,
  type AppendedRow,
  appendEventsStatement,
  type EventPageQuery,
  type EventPageRow,
  eventPageStatement,
} from "./event-statements.ts";
import type { PrismaClient } from "./generated/client.ts";
import type { Hint } from "./hint.ts";
import type { TransactionHints } from "./hints.ts";
import {
  type GrantsOfUsersQuery,
  grantsOfUsersStatement,
  type LevelChange,
  type LevelChangesQuery,
  levelChangesStatement,
  type UserGrant,
} from "./level-reads.ts";
import { readModelPolicy } from "./model-policy.ts";
import type { NewJob, SendJob, SqlExecutor } from "./queue-connection.ts";
import { type EndpointLocks, endpointLocks, lockAgent, lockSession, lockState, shareAgent, tryLock } from "./row-locks.ts";
import type { SchemaMap } from "./schema-map.ts";
import { scopeArguments } from "./scope-arguments.ts";
import { type SessionCounts, type SessionCountsQuery, sessionCountsStatement } from "./session-counts.ts";
import { type SessionFacts, type SessionFactsQuery, sessionFactsStatement } from "./session-facts.ts";
import { type AbandonQuery, abandonStatement, type CountQuery, countStatement } from "./session-statements.ts";
import {
  type LeveledSessionRow,
  type SessionPageQuery,
  type SessionsByIdQuery,
  sessionPageStatement,
  sessionsByIdStatement,
} from "./session-view.ts";
import { CURRENT_SIM, type SimFeatures } from "./sim-features.ts";
import type { Statement } from "./sim-reader.ts";
import { type SimWorkspace, simWorkspaceStatement } from "./sim-workspace.ts";
import { withModels } from "./workspace-facade.ts";
import { type MemberFacts, type MembersQuery, membersStatement } from "./workspace-members.ts";
import type { ScopedModels } from "./workspace-types.ts";

/** Reads that are one statement, inside and outside a transaction. */
interface NamedReads {
  /** Agents by their ids, in no order, each with the caller's own grant on it. */
  agentsById(query: AgentsByIdQuery): Promise<GrantedAgentRow[]>;
  /** Users with a permission in the workspace, by email. */
  members(query: MembersQuery): Promise<MemberFacts[]>;
  /** Sessions of undeleted agents by their ids, in no order, each with the caller's level on its agent, seen or not. */
  sessionsById(query: SessionsByIdQuery): Promise<LeveledSessionRow[]>;
  /** Events are appended, counted and recorded; null, and nothing is done, where the caller may not or the session is not active. */
  appendEvents(query: AppendEventsQuery): Promise<AppendedRow | null>;
}

/** What is done in a transaction alone. */
interface TransactionReads extends NamedReads, EndpointLocks {
  /** Waits until nobody else is changing the agent or its grants, and keeps others from it until the transaction ends. */
  lockAgent(agentId: string): Promise<void>;
  /** Keeps others from changing the agent until the transaction ends, and not from sharing it. */
  shareAgent(agentId: string): Promise<void>;
  /** Waits until nobody else is changing the session or appending to it, and keeps others from it until the transaction ends. */
  lockSession(sessionId: string): Promise<void>;
  /** Adds to what an agent's sessions come to. */
  countSession(query: CountQuery): Promise<void>;
  /** Abandons sessions that have been idle; answers with their ids. */
  abandonSessions(query: AbandonQuery): Promise<{ id: string }[]>;
  /**
   * Takes a lock of this workspace for the rest of the transaction, or answers false where another transaction holds it.
   * The lock is 64 bits of the name's SHA-256.
   */
  tryLock(name: readonly string[]): Promise<boolean>;
  /** Waits until nobody else is bringing the workspace in step with Sim, and keeps others from it until the transaction ends. */
  lockState(): Promise<void>;
  /** Sim's row of the workspace as it is committed by now; null where Sim has none. */
  simWorkspace(): Promise<SimWorkspace | null>;
  /** What Sim's permission group for the user in this workspace is configured to; null where none governs, or Sim has none. */
  modelPolicy(userId: string | null): Promise<unknown>;
  /** Events that the audit log has no place for yet, those of other transactions included. */
  unsealedAuditEvents: ReadUnsealedEvents;
  appendAuditLeaves: AppendAuditLeaves;
  /** Every instance is told with the commit, and none where there is none. Not for what happens often: see Hints.announce. */
  publishHint(hint: Hint): Promise<void>;
  /** Puts a job of this workspace into the queue, there exactly if the transaction commits; resolves to its id. */
  enqueue(job: NewJob): Promise<string>;
}

/** The database as one workspace sees it, inside a transaction. */
export type WorkspaceTransaction = ScopedModels & TransactionReads;

interface OwnReads extends NamedReads {
  /** Grants of users on those undeleted agents on which a level reaches what is required. */
  grantsOfUsers(query: GrantsOfUsersQuery): Promise<UserGrant[]>;
  /** What another rule would make of a user's levels on the next undeleted agents. */
  levelChanges(query: LevelChangesQuery): Promise<LevelChange[]>;
  /** A page of the workspace's undeleted agents that the caller sees, each with the caller's own grant on it. */
  agentPage(query: AgentPageQuery): Promise<GrantedAgentRow[]>;
  /** What sessions say of their events, and what events there are, in one snapshot; by their ids or in their order. */
  sessionCounts(query: SessionCountsQuery): Promise<SessionCounts[]>;
  /** A page of the sessions that the caller sees, each with its level on the agent. */
  sessionPage(query: SessionPageQuery): Promise<LeveledSessionRow[]>;
  /** A session of an undeleted agent with some of its events, whether the caller sees it or not; none where it is absent. */
  eventPage(query: EventPageQuery): Promise<EventPageRow[]>;
  /** What decides who sees some sessions, whoever asks, and how many events each has. */
  sessionFacts(query: SessionFactsQuery): Promise<SessionFacts[]>;
  analytics: AnalyticsReads;
  /** Resolves where the decision that the client rests on still holds, and touches no row. */
  confirm(): Promise<void>;
  /** The workspace's audit log: its events in the order in which they were sealed. */
  auditLog: AuditLogReader;
  /** Runs `work` in one READ COMMITTED transaction, entered at its begin and checked again at its commit. */
  transaction<Result>(work: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result>;
}

/** The database as one workspace sees it. There is nothing else on it: no raw SQL, no client behind it, no workspaceId. */
export type WorkspaceDb = ScopedModels & OwnReads;

/** How long an interactive transaction may last, and wait for a connection, in milliseconds. */
const TRANSACTION_TIMEOUT_MS = 15_000;

const CONFIRM: Statement = { name: "confirm", text: "select", values: [] };

/** What the clients of all workspaces share. */
export interface WorkspaceDbBase {
  prisma: PrismaClient;
  schema: SchemaMap;
  query(binding: Binding, statement: Statement): Promise<object[]>;
  /** Told where row-level security refused what the extension had let through. */
  onRowRefused(workspaceId: string, model: string): void;
  /** Told of each workspace whose audit trail is being written to, before that is committed. */
  onAudited?(workspaceId: string): void;
  hints: TransactionHints;
  sendJob: SendJob;
}

export interface WorkspaceDbOptions {
  /** Off only where a test shows that the database holds alone. */
  isExtensionOn?: boolean;
  /** Another only where a test shows what a mistake in the scope would let through. */
  scope?: typeof scopeArguments;
  /** What the Sim beside this server has; the present one unless given. */
  features?: SimFeatures;
  transactionMaxWaitMs?: number;
}

/**
 * The client of one workspace: the Prisma extension that scopes every model action, behind a facade that shows only
 * what is allowed. The workspace sits in the closure; the binding travels with each query to the pool.
 */
export function createWorkspaceDb(base: WorkspaceDbBase, binding: Binding, options: WorkspaceDbOptions = {}): WorkspaceDb {
  const { isExtensionOn = true, scope = scopeArguments, features = CURRENT_SIM, transactionMaxWaitMs = 30_000 } = options;
  const { schema } = base;
  const extend = () => {
    const extended = base.prisma.$extends({
      name: "workspace",
      query: {
        $allModels: {
          $allOperations({ model, operation, args, query }) {
            if (model === "AuditEvent" && operation.startsWith("create")) base.onAudited?.(binding.workspaceId);
            const scoped = isExtensionOn ? scope({ model, action: operation, args }, binding.workspaceId, schema) : args;
            // Prisma's promises run when awaited, so the binding must be in place at the await.
            return runBound(binding, async () => {
              try {
                return await query(scoped as typeof args);
              } catch (error) {
                if (isRowRefused(error)) base.onRowRefused(binding.workspaceId, model);
                throw error;
              }
            });
          },
        },
      },
    });
    giveOwnRequestHandler(extended);
    return extended;
  };
  // Prisma's part is some 40 KB and half a millisecond, and most clients only ever make the named reads.
  let made: ReturnType<typeof extend> | undefined;
  const extended = () => {
    made ??= extend();
    return made;
  };
  const { workspaceId } = binding;
  const agentColumns = schema.get("Agent")?.columns ?? "";
  const sessionColumns = schema.get("Session")?.columns ?? "";
  const reads = (query: (statement: Statement) => Promise<object[]>): NamedReads => ({
    agentsById: (given) => query(agentsByIdStatement(workspaceId, agentColumns, given)) as Promise<GrantedAgentRow[]>,
    members: (given) => query(membersStatement(workspaceId, features, given)) as Promise<MemberFacts[]>,
    sessionsById: (given) => query(sessionsByIdStatement(workspaceId, sessionColumns, given)) as Promise<LeveledSessionRow[]>,
    async appendEvents(given) {
      base.onAudited?.(workspaceId);
      const [row] = (await query(appendEventsStatement(workspaceId, given))) as AppendedRow[];
      return row ?? null;
    },
  });
  const enter = (tx: RawPrisma & object, published: Hint[]): WorkspaceTransaction => {
    const query = ({ text, values }: Statement) => tx.$queryRawUnsafe<object[]>(text, ...values);
    return withModels<TransactionReads>(() => tx, {
      ...reads(query),
      lockAgent: (agentId) => lockAgent(tx, workspaceId, agentId),
      shareAgent: (agentId) => shareAgent(tx, workspaceId, agentId),
      lockSession: (sessionId) => lockSession(tx, workspaceId, sessionId),
      countSession: async (given) => void (await query(countStatement(workspaceId, given))),
      abandonSessions: (given) => query(abandonStatement(workspaceId, given)) as Promise<{ id: string }[]>,
      ...endpointLocks(tx, workspaceId),
      tryLock: (name) => tryLock(tx, [workspaceId, ...name]),
      lockState: () => lockState(tx, workspaceId),
      async simWorkspace() {
        const [row] = (await query(simWorkspaceStatement(workspaceId, features))) as SimWorkspace[];
        return row ?? null;
      },
      modelPolicy: async (userId) => (features.permissionGroups ? readModelPolicy(tx, workspaceId, userId) : null),
      unsealedAuditEvents: createUnsealedReader(workspaceId, schema, query),
      appendAuditLeaves: createLeafAppender(workspaceId, query),
      async publishHint(hint) {
        for (const statement of base.hints.statements(hint)) await query(statement);
        published.push(hint);
      },
      enqueue: ({ data, ...job }) => base.sendJob(executorOf(tx), { ...job, data: { ...data, workspaceId } }),
    });
  };
  const query = (statement: Statement) => base.query(binding, statement);
  return withModels<OwnReads>(extended, {
    ...reads(query),
    agentPage: (page: AgentPageQuery) => query(agentPageStatement(workspaceId, agentColumns, page)) as Promise<GrantedAgentRow[]>,
    sessionCounts: (given: SessionCountsQuery) => query(sessionCountsStatement(workspaceId, given)) as Promise<SessionCounts[]>,
    sessionPage: (page: SessionPageQuery) =>
      query(sessionPageStatement(workspaceId, sessionColumns, page)) as Promise<LeveledSessionRow[]>,
    eventPage: (page: EventPageQuery) => query(eventPageStatement(workspaceId, page)) as Promise<EventPageRow[]>,
    sessionFacts: (facts: SessionFactsQuery) => query(sessionFactsStatement(workspaceId, facts)) as Promise<SessionFacts[]>,
    analytics: analyticsReads(workspaceId, query),
    confirm: async () => {
      await query(CONFIRM);
    },
    grantsOfUsers: (given: GrantsOfUsersQuery) => query(grantsOfUsersStatement(workspaceId, given)) as Promise<UserGrant[]>,
    levelChanges: (given: LevelChangesQuery) => query(levelChangesStatement(workspaceId, given)) as Promise<LevelChange[]>,
    auditLog: createAuditLogReader(workspaceId, schema, query),
    async transaction<Result>(work: (tx: WorkspaceTransaction) => Promise<Result>) {
      const published: Hint[] = [];
      const limits = { maxWait: transactionMaxWaitMs, timeout: TRANSACTION_TIMEOUT_MS };
      const result = await runBound(binding, () => extended().$transaction((tx) => work(enter(tx, published)), limits));
      base.hints.committed(published);
      return result;
    },
  });
}

type RawPrisma = Pick<PrismaClient, "$queryRaw" | "$queryRawUnsafe">;

function executorOf(tx: RawPrisma): SqlExecutor {
  return { executeSql: async (text, values = []) => ({ rows: await tx.$queryRawUnsafe<object[]>(text, ...values) }) };
}

/**
 * Prisma joins the findUniques of one tick, whoever makes them, in the request handler that all extensions of a client
 * share: two callers would be answered by one statement in one of their workspaces. So each workspace's client has its own.
 */
function giveOwnRequestHandler(extended: object): void {
  const { _requestHandler: shared } = extended as { _requestHandler: { constructor: new (client: object) => object } };
  Object.defineProperty(extended, "_requestHandler", { value: new shared.constructor(extended) });
}
