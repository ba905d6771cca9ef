import { type ClientContract, ZenStackClient } from "@zenstackhq/orm";
import type { Expression, SchemaDef } from "@zenstackhq/orm/schema";
import { PolicyPlugin } from "@zenstackhq/plugin-policy";
import { PostgresDialect } from "kysely";
import pg from "pg";
import { readSchema } from "../isolation/differential/schema.ts";

type Value = { kind: "literal"; value: string };
const literal = (value: string): Value => ({ kind: "literal", value });

/**
 * The agents by ZenStack v3's policy plugin: a schema of the one model, made of ours, that allows what lies in the
 * caller's workspace. In place of the code that its generator would write.
 */
function agentSchema(): SchemaDef {
  const model = readSchema().get("Agent");
  if (!model) throw new Error("There is no model of agents");
  const key = model.keys[0] ?? [];
  const fields = model.fields.map(({ name, column, type, isList, isOptional, values }) => ({
    name,
    type: values ? "String" : type,
    array: isList,
    optional: isOptional,
    id: key.includes(name),
    attributes: [{ name: "@map", args: [{ name: "name", value: literal(column) }] }],
  }));
  const callersWorkspace: Expression = {
    kind: "member",
    receiver: { kind: "call", function: "auth" },
    members: ["workspaceId"],
  };
  return {
    provider: { type: "postgresql", defaultSchema: "parlant" },
    models: {
      Agent: {
        name: "Agent",
        fields: Object.fromEntries(fields.map((field) => [field.name, field])),
        idFields: key,
        uniqueFields: { [key.join("_")]: Object.fromEntries(key.map((name) => [name, { type: "String" }])) },
        attributes: [
          { name: "@@map", args: [{ name: "name", value: literal("parlant_agent") }] },
          {
            name: "@@allow",
            args: [
              { name: "operation", value: literal("all") },
              {
                name: "condition",
                value: { kind: "binary", op: "==", left: { kind: "field", field: "workspaceId" }, right: callersWorkspace },
              },
            ],
          },
        ],
      },
    },
    typeDefs: { Caller: { name: "Caller", fields: { workspaceId: { name: "workspaceId", type: "String" } } } },
    authType: "Caller" as never,
    plugins: {},
  };
}

/** Reads agents as a caller of the workspace; close() when measured. */
export function openZenStack(
  url: string,
  workspaceId: string,
): { findMany(args: object): Promise<unknown>; close(): Promise<void> } {
  const pool = new pg.Pool({ connectionString: url, max: 16 });
  const client = new ZenStackClient(agentSchema(), { dialect: new PostgresDialect({ pool }) });
  const scoped = client.$use(new PolicyPlugin()).$setAuth({ workspaceId } as never) as unknown as ClientContract<SchemaDef> & {
    agent: { findMany(args: object): Promise<unknown> };
  };
  return { findMany: (args) => scoped.agent.findMany(args), close: () => client.$disconnect() };
}
