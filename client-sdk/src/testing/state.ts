import type { Agent, Event, GrantEntry, GuidelineEntry, Session } from "../generated/schemas.ts";
import type { Principal, ServerRules, WorkspacePermission } from "./server-rules.ts";

export interface AgentRow extends Omit<Agent, "stats" | "accessLevel" | "isolation"> {
  boundary: string;
  deletedAt: Date | null;
  lastActiveAt: Date | null;
  /** By the users' ids. */
  grants: Map<string, GrantEntry>;
}

export interface SessionRow extends Omit<Session, "isolation"> {
  boundary: string;
  events: Event[];
}

/** What a repeated create is answered with. */
export interface KeptAnswer {
  request: string;
  answer: unknown;
  createdAtMs: number;
}

/** All that one workspace holds, each by its id. */
export interface Tables {
  agents: Map<string, AgentRow>;
  guidelines: Map<string, GuidelineEntry>;
  sessions: Map<string, SessionRow>;
  /** By principal and idempotency key. */
  answers: Map<string, KeptAnswer>;
}

export interface WorkspaceState {
  id: string;
  allowsPersonalApiKeys: boolean;
  /** By the users' ids. */
  permissions: Map<string, WorkspacePermission>;
}

/** What a fake is made of besides what a test puts into it; other parts make a fake that keeps not all of the rules. */
export interface FakeParts {
  rules: ServerRules;
  now(): number;
  tablesOf(workspaceId: string): Tables;
}

/** Everything that a fake server knows. */
export interface State extends FakeParts {
  workspaces: Map<string, WorkspaceState>;
  /** Callers by their API keys and tokens. */
  credentials: Map<string, Principal>;
  changes: Changes;
  isClosed: boolean;
}

/** Tells those who wait that something was changed. */
export interface Changes {
  announce(): void;
  /** Resolves at the next change, after so many milliseconds, or with the signal; whichever comes first. */
  next(signal: AbortSignal | undefined, withinMs: number): Promise<void>;
}

export function emptyTables(): Tables {
  return { agents: new Map(), guidelines: new Map(), sessions: new Map(), answers: new Map() };
}

export function createChanges(): Changes {
  const waiting = new Set<() => void>();
  return {
    announce() {
      for (const wake of waiting) wake();
    },
    next(signal, withinMs) {
      if (signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          clearTimeout(timer);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const timer = setTimeout(wake, withinMs);
        waiting.add(wake);
        signal?.addEventListener("abort", wake);
      });
    },
  };
}

/** A random tag in the place of the server's keyed boundary. */
export function newBoundary(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
