import type { z } from "zod";
import { routerRecord } from "../../server/router.ts";

/** One procedure of the server, as far as a client is concerned. */
export interface Procedure {
  type: "query" | "mutation" | "subscription";
  /** From the root of the router, e.g. workspaces, agents, create. */
  path: string[];
  summary: string;
  /** The operation that it is, or who else may call it: "agent:create", "public", "authenticated", "internal". */
  permission: string;
  input: z.ZodType;
  output: z.ZodType;
}

/** The router as a client sees it: each leaf a procedure, each other node a router. */
export interface ProcedureTree {
  [name: string]: Procedure | ProcedureTree;
}

interface BuiltProcedure {
  _def: {
    type: string;
    inputs: z.ZodType[];
    output: z.ZodType | undefined;
    meta: { summary: string; permission: string } | undefined;
  };
}

/**
 * The running server's procedures.
 *
 * @throws Error where a procedure has no summary, not exactly one input schema, no output schema, or another type
 */
export function readProcedureTree(): ProcedureTree {
  return readRouter(routerRecord, []);
}

/** Whether a node of the tree is a procedure. */
export function isProcedure(node: Procedure | ProcedureTree): node is Procedure {
  return Array.isArray(node["path"]);
}

/** Every procedure, in the router's order. */
export function listProcedures(tree: ProcedureTree): Procedure[] {
  return Object.values(tree).flatMap((node) => (isProcedure(node) ? [node] : listProcedures(node)));
}

function readRouter(record: object, path: string[]): ProcedureTree {
  return Object.fromEntries(
    Object.entries(record).map(([name, node]) => [
      name,
      isBuiltProcedure(node) ? readProcedure(node, [...path, name]) : readRouter(node, [...path, name]),
    ]),
  );
}

function isBuiltProcedure(node: unknown): node is BuiltProcedure {
  return typeof node === "function" && "_def" in node;
}

function readProcedure({ _def }: BuiltProcedure, path: string[]): Procedure {
  const { type, inputs, output, meta } = _def;
  const [input, ...others] = inputs;
  if (type !== "query" && type !== "mutation" && type !== "subscription") {
    throw new Error(`${path.join(".")} is a ${type}; expected a query, a mutation or a subscription`);
  }
  if (!input || others.length > 0) throw new Error(`${path.join(".")} has ${inputs.length} input schemas; expected one`);
  if (!output || !meta?.summary) throw new Error(`${path.join(".")} needs an output schema and a summary`);
  return { type, path, summary: meta.summary, permission: meta.permission, input, output };
}
