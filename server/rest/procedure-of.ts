import type { z } from "zod";
import { appRouter } from "../router.ts";
import type { ProcedureMeta } from "../trpc/trpc.ts";

/** What the transports know of a procedure. */
export interface ProcedureInfo {
  type: "query" | "mutation" | "subscription";
  input: z.ZodType;
  output: z.ZodType;
  meta: ProcedureMeta;
}

interface Definition {
  type: string;
  inputs: readonly z.ZodType[];
  output: z.ZodType | undefined;
  meta: ProcedureMeta | undefined;
}

/** Every procedure of the router by its path. */
export function allProcedures(): Record<string, ProcedureInfo> {
  const procedures = appRouter._def.procedures as unknown as Record<string, { _def: Definition }>;
  return Object.fromEntries(Object.entries(procedures).map(([path, { _def }]) => [path, toInfo(path, _def)]));
}

/** @throws Error where there is no such procedure, or it lacks what every procedure has */
export function procedureOf(path: string): ProcedureInfo {
  const procedure = allProcedures()[path];
  if (!procedure) throw new Error(`There is no procedure "${path}"`);
  return procedure;
}

function toInfo(path: string, { type, inputs, output, meta }: Definition): ProcedureInfo {
  const [input, ...others] = inputs;
  if (!input || others.length > 0 || !output || !meta) {
    throw new Error(`The procedure "${path}" needs one input, an output and a permission`);
  }
  if (type !== "query" && type !== "mutation" && type !== "subscription") {
    throw new Error(`The procedure "${path}" is no query, no mutation and no subscription`);
  }
  return { type, input, output, meta };
}
