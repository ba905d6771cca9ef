import { z } from "zod";

/** A value of JSON and Dates as JSON: with the path of each Date, since text alone cannot say which it was. */
const datedJson = z.object({ json: z.unknown(), dates: z.array(z.array(z.string())) });

/** JSON that decodeDated makes the value of again, whatever its keys are called. */
export function encodeDated(value: unknown): { json: unknown; dates: string[][] } {
  const dates: string[][] = [];
  const visit = (inner: unknown, path: string[]): void => {
    if (inner instanceof Date) dates.push(path);
    else if (typeof inner === "object" && inner !== null) {
      for (const [key, item] of Object.entries(inner)) visit(item, [...path, key]);
    }
  };
  visit(value, []);
  return { json: JSON.parse(JSON.stringify(value)), dates };
}

/** @throws ZodError where it is not what encodeDated made */
export function decodeDated(encoded: unknown): unknown {
  const { json, dates } = datedJson.parse(encoded);
  const root = { json };
  for (const path of dates) {
    const steps = ["json", ...path];
    const last = steps.pop() ?? "json";
    const parent = steps.reduce((inner, step) => (inner as Record<string, unknown>)[step], root as unknown) as Record<
      string,
      unknown
    >;
    parent[last] = new Date(String(parent[last]));
  }
  return root.json;
}
