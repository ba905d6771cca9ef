import { callTRPCProcedure } from "@trpc/server";
import type { FastifyReply, FastifyRequest } from "fastify";
import { errorHeaders, noteError } from "../http/error-answer.ts";
import { appRouter } from "../router.ts";
import type { RequestContext } from "./context.ts";
import { toErrorShape } from "./error-response.ts";
import { httpStatus, toAppError } from "./errors.ts";
import { serializeOutput } from "./serialize-output.ts";

/** A call of a procedure, and a batch of them, as tRPC's protocol writes them. */
export interface PlainCalls {
  isBatch: boolean;
  type: "query" | "mutation";
  calls: { path: string; input: unknown }[];
}

type Procedures = Record<string, { _def: { type: string; meta?: { permission: string } } } | undefined>;
const PROCEDURES = appRouter._def.procedures as unknown as Procedures;
const KNOWN_PARAMETERS = new Set(["input", "batch"]);
const { deserialize } = appRouter._def._config.transformer.input;

/** Whether a path names public procedures alone. */
export function arePublic(path: string): boolean {
  return path.split(",").every((one) => Object.hasOwn(PROCEDURES, one) && PROCEDURES[one]?._def.meta?.permission === "public");
}

/** The calls that a request makes; null where anything of it is unusual or wrong, which tRPC's own handler answers. */
export function readPlainCalls(request: FastifyRequest, path: string, maxBatchSize: number): PlainCalls | null {
  const { method, headers } = request;
  const query = request.query as Record<string, string | string[] | undefined>;
  if (headers["trpc-accept"] !== undefined || headers.accept?.includes("jsonl")) return null;
  if (Object.keys(query).some((name) => !KNOWN_PARAMETERS.has(name))) return null;
  if (query["batch"] !== undefined && query["batch"] !== "1") return null;
  const isBatch = query["batch"] === "1";
  const paths = isBatch ? path.split(",") : [path];
  const type = method === "GET" ? "query" : method === "POST" ? "mutation" : null;
  if (type === null || paths.length > maxBatchSize) return null;
  if (paths.some((one) => !Object.hasOwn(PROCEDURES, one) || PROCEDURES[one]?._def.type !== type)) return null;
  const text = method === "GET" ? query["input"] : request.body;
  try {
    const inputs = readInputs(text, isBatch);
    return inputs && { isBatch, type, calls: paths.map((one, index) => ({ path: one, input: inputs(index) })) };
  } catch {
    return null; // not the JSON that it should be
  }
}

function readInputs(text: unknown, isBatch: boolean): ((index: number) => unknown) | null {
  if (text === undefined || text === "") return () => undefined;
  if (typeof text !== "string") return null;
  const parsed: unknown = JSON.parse(text);
  if (!isBatch) return () => deserialize(parsed);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return null;
  const byIndex = parsed as Record<string, unknown>;
  return (index) => (byIndex[index] === undefined ? undefined : deserialize(byIndex[index]));
}

/** Makes the calls and answers with what each came to: one status for all, or 207 where they differ. */
export async function answerPlainCalls(
  { isBatch, type, calls }: PlainCalls,
  ctx: RequestContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const statuses = new Set<number>();
  const answer = async ({ path, input }: PlainCalls["calls"][number], batchIndex: number): Promise<object> => {
    try {
      const getRawInput = async () => input;
      const call = { router: appRouter, path, getRawInput, ctx, type, signal: undefined, batchIndex };
      const output: unknown = await callTRPCProcedure(call);
      const result = { data: serializeOutput(output) };
      statuses.add(200);
      return { result };
    } catch (error) {
      const appError = toAppError(error);
      noteError(request, appError);
      reply.headers(errorHeaders(appError));
      statuses.add(httpStatus(appError));
      return { error: { json: toErrorShape(appError, path, request.id) } };
    }
  };
  const answers = await Promise.all(calls.map(answer));
  const [status = 200] = statuses;
  reply.code(statuses.size > 1 ? 207 : status).type("application/json");
  return reply.send(JSON.stringify(isBatch ? answers : answers[0]));
}
