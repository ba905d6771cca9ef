import type { TRPCBuiltRouter, TRPCDefaultErrorShape } from "@trpc/server";
import type { ServerErrorCode, SimErrorDetails } from "./errors.ts";
import type { RootRouter } from "./generated/router.ts";

/** The error as tRPC clients see it. */
export interface SimErrorShape extends Omit<TRPCDefaultErrorShape, "data"> {
  data: {
    code: ServerErrorCode;
    message: string;
    details?: SimErrorDetails;
    httpStatus: number;
    path: string;
    requestId: string;
  };
}

/** The server's router for tRPC's own tools: inferRouterInputs, inferRouterOutputs, createTRPCClient. */
export type SimRouter = TRPCBuiltRouter<{ ctx: object; meta: object; errorShape: SimErrorShape; transformer: true }, RootRouter>;
