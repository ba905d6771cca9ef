import type { PrismaClient } from "./generated/client.ts";
import type { RelationFields } from "./scope-arguments.ts";

/** What the schema says of its models, read from the client that was generated from it. */
export interface ModelMetadata {
  relationFields: RelationFields;
  /** By model: its columns as a select list that names each as the model's field. */
  columns: ReadonlyMap<string, string>;
}

interface RuntimeModel {
  fields: { name: string; kind: string; dbName?: string | null }[];
}

export function readModelMetadata(prisma: PrismaClient): ModelMetadata {
  const { _runtimeDataModel } = prisma as unknown as { _runtimeDataModel: { models: Record<string, RuntimeModel> } };
  const models = Object.entries(_runtimeDataModel.models);
  return {
    relationFields: new Map(
      models.map(([model, { fields }]) => [
        model,
        new Set(fields.filter(({ kind }) => kind === "object").map(({ name }) => name)),
      ]),
    ),
    columns: new Map(
      models.map(([model, { fields }]) => [
        model,
        fields
          .filter(({ kind }) => kind !== "object")
          .map(({ name, dbName }) => `"${dbName ?? name}" as "${name}"`)
          .join(", "),
      ]),
    ),
  };
}
