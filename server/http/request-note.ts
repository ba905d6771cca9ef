import type { ErrorCode } from "../shared/errors.ts";

/** What is learnt of a request while it is served, for its line in the log. */
export interface RequestNote {
  startedAtMs: number;
  traceId?: string;
  workspaceId?: string;
  principalKind?: string;
  principalId?: string;
  procedure?: string;
  code?: ErrorCode;
  /** What lies behind an answer of 5xx; it is logged and never sent. */
  cause?: unknown;
}

declare module "fastify" {
  interface FastifyRequest {
    note: RequestNote;
  }
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** A new note, with the trace that the caller is in. Source: W3C Trace Context, section 3.2. */
export function newNote(traceparent: string | string[] | undefined): RequestNote {
  const startedAtMs = performance.now();
  const traceId = typeof traceparent === "string" ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
  return traceId === undefined ? { startedAtMs } : { startedAtMs, traceId };
}
