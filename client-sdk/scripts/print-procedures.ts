import type { PrintedSchemas } from "./print-schemas.ts";
import { isProcedure, type Procedure, type ProcedureTree } from "./procedure-tree.ts";

const FORMS = {
  /** The calls of the raw client. */
  calls: {
    query: (input: string, output: string) => `QueryCall<${input}, ${output}>`,
    mutation: (input: string, output: string) => `MutationCall<${input}, ${output}>`,
    subscription: (input: string, output: string) => `SubscriptionCall<${input}, ${output}>`,
    suffix: "Calls",
    declare: (name: string, body: string) => `export interface ${name} {\n${body}\n}\n`,
  },
  /** tRPC's own record; an interface would lack the index signature that tRPC's constraint asks for. */
  router: {
    query: (input: string, output: string) => `TRPCQueryProcedure<{ input: ${input}; output: ${output}; meta: object }>`,
    mutation: (input: string, output: string) => `TRPCMutationProcedure<{ input: ${input}; output: ${output}; meta: object }>`,
    subscription: (input: string, output: string) =>
      `TRPCSubscriptionProcedure<{ input: ${input}; output: AsyncIterable<{ id: string; data: ${output} }>; meta: object }>`,
    suffix: "Router",
    declare: (name: string, body: string) => `export type ${name} = {\n${body}\n};\n`,
  },
};

/** One declaration per router, named by its path; the root's comes last, as `Root<suffix>`. Each procedure stands under its summary. */
export function printRouters(tree: ProcedureTree, schemas: PrintedSchemas, form: keyof typeof FORMS): string {
  const { suffix, declare, ...kinds } = FORMS[form];
  const declarations: string[] = [];
  const print = (node: ProcedureTree, stem: string): string => {
    const lines = Object.entries(node).map(([key, child]) =>
      isProcedure(child) ? printProcedure(key, child) : `  ${key}: ${print(child, stem + upperFirst(key))};`,
    );
    const name = `${stem || "Root"}${suffix}`;
    declarations.push(declare(name, lines.join("\n")));
    return name;
  };
  const printProcedure = (key: string, { type, summary, input, output }: Procedure) =>
    `  /** ${summary} */\n  ${key}: ${kinds[type](schemas.inputName(input), schemas.outputName(output))};`;
  print(tree, "");
  return declarations.join("\n");
}

/** The type names that the declarations of printRouters refer to. */
export function namesIn(source: string, printedSchemas: string): string[] {
  const declared = [...printedSchemas.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name ?? "");
  return declared.filter((name) => new RegExp(`\\b${name}\\b`).test(source)).sort();
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
