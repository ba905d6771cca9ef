import { initTRPC, type TRPCDefaultErrorShape } from "@trpc/server";
import superjson from "superjson";
import type { Operation } from "../permissions/levels.ts";
import type { ErrorBody } from "../shared/errors.ts";
import type { RequestContext } from "./context.ts";
import { httpStatus, toAppError } from "./errors.ts";

/** Every procedure says what it needs and, in one sentence, what it does: the SDK's hover text and OpenAPI's summary. */
export interface ProcedureMeta {
  permission: Operation | "public" | "authenticated" | "internal";
  summary: string;
}

/** The error as tRPC clients see it: data carries what REST clients find in the body. */
export interface ErrorShape extends Omit<TRPCDefaultErrorShape, "data"> {
  data: ErrorBody & { httpStatus: number; path: string; requestId: string };
}

/** How often a stream says that it is there, and the silence after which a client no longer believes it. */
const PING_MS = 15_000;
const RECONNECT_AFTER_MS = 40_000;

export const t = initTRPC
  .context<RequestContext>()
  .meta<ProcedureMeta>()
  .create({
    transformer: superjson,
    isDev: false,
    sse: { ping: { enabled: true, intervalMs: PING_MS }, client: { reconnectAfterInactivityMs: RECONNECT_AFTER_MS } },
    errorFormatter({ shape, error, path, ctx }): ErrorShape {
      const appError = toAppError(error);
      return {
        ...shape,
        message: appError.message,
        data: {
          ...appError.toBody(),
          httpStatus: httpStatus(appError),
          path: path ?? "",
          requestId: ctx?.request.requestId ?? "",
        },
      };
    },
  });
