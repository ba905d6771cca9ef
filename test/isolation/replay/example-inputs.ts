import type { z } from "zod";
import { simId } from "../../../server/shared/text.ts";

/** A place in an input that holds an id: `kind` is the field's name, and says what the id is of. */
export interface IdSlot {
  kind: string;
  /** Where it stands, e.g. "agentId" or "filter.agentIds.0". */
  path: string;
  isRequired: boolean;
}

/** A valid input of a procedure, under a name that is the same whatever the ids are. */
export interface ExampleInput {
  name: string;
  value: Record<string, unknown> | undefined;
  slots: IdSlot[];
}

export interface Filling {
  idOf(slot: IdSlot): string;
  /** Put into every text of the input. */
  text: string;
}

/** What a schema alone does not tell of a field by this name: values to try first; none at all where it is to be left out. */
const FIELD_EXAMPLES: Record<string, unknown[]> = {
  cursor: [], // only a list can make one
  lastEventId: [],
  timezone: ["UTC"],
  period: [], // instead of from and to
  from: [new Date(Date.now() - 86_400_000)],
  canned_responses: [], // pairs
  waitSeconds: [0],
  url: ["https://endpoint.example.test/"],
};

const FORMATS: Record<string, string> = {
  uuid: "01890000-0000-7000-8000-000000000001",
  datetime: "2026-01-02T03:04:05.000Z",
  date: "2026-01-02",
  email: "someone@example.test",
  url: "https://example.test/",
};

/** The parts of zod's own definitions that are read here. */
interface Definition {
  type: string;
  format?: string;
  shape?: Record<string, z.ZodType>;
  innerType?: z.ZodType;
  element?: z.ZodType;
  in?: z.ZodType;
  getter?: () => z.ZodType;
  options?: z.ZodType[];
  entries?: Record<string, unknown>;
  values?: unknown[];
}

const definitionOf = (schema: z.ZodType) => schema._zod.def as unknown as Definition;
const isRequired = (schema: z.ZodType) => schema._zod.optin !== "optional";

/**
 * Valid inputs of a procedure: the least, the least with each optional id, and one with every field.
 *
 * @throws Error naming the field for which no valid value is found, and where to add one
 */
export function exampleInputs(procedure: string, schema: z.ZodType, filling: Filling): ExampleInput[] {
  const object = withoutWrappers(schema);
  if (definitionOf(object).type !== "object") throw new Error(`${procedure} takes something that is no object: teach it here`);
  const fields = Object.entries(definitionOf(object).shape ?? {}).filter(([name]) => FIELD_EXAMPLES[name]?.length !== 0);
  const required = fields.filter(([, field]) => isRequired(field));
  const optional = fields.filter(([, field]) => !isRequired(field));
  const withIds = optional.filter(([name, field]) => new Example(procedure, filling).slotsOf(name, field).length > 0);
  const cases: [string, typeof fields][] = [
    ["least", required],
    ...withIds.map(([name, field]): [string, typeof fields] => [`with ${name}`, [...required, [name, field]]]),
    ...(optional.length > 0 ? [["with every field", fields] as [string, typeof fields]] : []),
  ];
  return cases.map(([name, chosen]) => {
    const example = new Example(procedure, filling);
    const value = Object.fromEntries(chosen.map(([field, inner]) => [field, example.valueOf(field, inner)]));
    const input = Object.keys(value).length === 0 && schema.safeParse(undefined).success ? undefined : value;
    const refusal = schema.safeParse(input).error;
    if (refusal) throw new Error(`${procedure}: no valid input "${name}" was found (${refusal.issues[0]?.message}); ${REMEDY}`);
    return { name, value: input, slots: example.slots };
  });
}

const REMEDY = "add what it takes to FIELD_EXAMPLES in test/isolation/replay/example-inputs.ts";

class Example {
  readonly slots: IdSlot[] = [];
  readonly #procedure: string;
  readonly #filling: Filling;

  constructor(procedure: string, filling: Filling) {
    this.#procedure = procedure;
    this.#filling = filling;
  }

  slotsOf(name: string, schema: z.ZodType): IdSlot[] {
    this.valueOf(name, schema);
    return this.slots;
  }

  /** The first candidate that the field's own schema takes. */
  valueOf(path: string, schema: z.ZodType): unknown {
    const before = this.slots.length;
    for (const candidate of this.#candidates(path, schema, isRequired(schema))) {
      if (schema.safeParse(candidate).success) return candidate;
      this.slots.length = before;
    }
    throw new Error(`${this.#procedure}: no valid value of "${path}" was found; ${REMEDY}`);
  }

  *#candidates(path: string, schema: z.ZodType, required: boolean): Iterable<unknown> {
    const name = path.split(".").findLast((step) => !/^\d+$/.test(step)) ?? path;
    yield* FIELD_EXAMPLES[name] ?? [];
    const definition = definitionOf(schema);
    if (isId(name, definition)) {
      const slot = { kind: kindOf(name), path, isRequired: required };
      this.slots.push(slot);
      yield this.#filling.idOf(slot);
      return;
    }
    switch (definition.type) {
      case "optional":
      case "nullable":
      case "default":
      case "prefault":
      case "nonoptional":
      case "readonly":
      case "catch":
      case "lazy":
      case "pipe":
        yield* this.#candidates(path, inner(definition), required);
        return;
      case "union":
        for (const option of definition.options ?? []) yield* this.#candidates(path, option, required);
        return;
      case "object":
        yield Object.fromEntries(
          Object.entries(definition.shape ?? {})
            .filter(([field]) => FIELD_EXAMPLES[field]?.length !== 0)
            .map(([field, one]) => [field, this.valueOf(`${path}.${field}`, one)]),
        );
        return;
      case "array":
        if (definition.element) yield [this.valueOf(`${path}.0`, definition.element)];
        yield [];
        return;
      case "string":
        if (definition.format) yield FORMATS[definition.format];
        yield* [`${this.#filling.text} ${name}`, this.#filling.text, "a", "1", FORMATS["datetime"], FORMATS["date"]];
        return;
      case "number":
      case "int":
        yield* [1, 0, 0.5, 10, 100, -1];
        return;
      case "boolean":
        yield* [true, false];
        return;
      case "enum":
        yield* Object.values(definition.entries ?? {});
        return;
      case "literal":
        yield* definition.values ?? [];
        return;
      case "date":
        yield new Date(Date.now() + 86_400_000);
        yield new Date("2026-01-02T03:04:05.000Z");
        return;
      case "record":
      case "unknown":
      case "any":
        yield* [{ note: `${this.#filling.text} ${name}` }, {}, this.#filling.text];
        return;
    }
  }
}

/** A field that holds an id: by its name, as a UUID, or as text of the kind that Sim's ids are. */
function isId(name: string, definition: Definition): boolean {
  if (definition.type !== "string") return false;
  return /Ids?$/.test(name) || definition.format === "uuid" || (definition as unknown) === simId._zod.def;
}

/** Sim's events name an id as workspace_id, all else as workspaceId. */
function kindOf(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()).replace(/Ids$/, "Id");
}

function inner(definition: Definition): z.ZodType {
  const found = definition.innerType ?? definition.in ?? definition.getter?.();
  if (!found) throw new Error(`zod's "${definition.type}" has nothing inside`);
  return found;
}

function withoutWrappers(schema: z.ZodType): z.ZodType {
  const definition = definitionOf(schema);
  return ["optional", "nullable", "default", "prefault", "nonoptional", "readonly", "pipe", "lazy"].includes(definition.type)
    ? withoutWrappers(inner(definition))
    : schema;
}
