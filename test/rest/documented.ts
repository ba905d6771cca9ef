import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { createOpenApiDocument } from "../../server/rest/openapi.ts";

export interface Operation {
  operationId: string;
  parameters: { $ref?: string; name?: string; in?: string }[];
  responses: Record<string, unknown>;
  [key: string]: unknown;
}

export interface Document {
  openapi: string;
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, unknown>>;
}

export const document = createOpenApiDocument("/parlant") as Document;

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(document, "openapi");

/** The operation behind a concrete path. */
export function operationAt(method: string, path: string): Operation & { pointer: string } {
  const concrete = path.split("?", 1).join("");
  for (const [template, operations] of Object.entries(document.paths)) {
    const pattern = new RegExp(`^${template.replace(/\{\w+\}/g, "[^/]+")}$`);
    const operation = operations[method.toLowerCase()];
    if (operation && pattern.test(concrete)) {
      return { ...operation, pointer: `/paths/${escapePointer(template)}/${method.toLowerCase()}` };
    }
  }
  throw new Error(`${method} ${concrete} is not in the document`);
}

interface Answer {
  statusCode: number;
  headers: Record<string, unknown>;
  json(): unknown;
}

/** Holds for an answer that the document describes: its status, its headers and its body. */
export function assertDocumented(method: string, path: string, answer: Answer): void {
  const { pointer, responses } = operationAt(method, path);
  const described = responses[String(answer.statusCode)];
  if (!described) throw new Error(`${method} ${path} answered ${answer.statusCode}, which the document does not know`);
  const { $ref } = described as { $ref?: string };
  const at = $ref ? $ref.slice(1) : `${pointer}/responses/${answer.statusCode}`;
  const response = $ref ? document.components["responses"]?.[$ref.split("/").at(-1) ?? ""] : described;
  const { headers = {} } = response as { headers?: object };
  const required = Object.keys(headers).filter((name) => !name.startsWith("x-ratelimit"));
  const missing = required.filter((name) => answer.headers[name] === undefined);
  if (missing.length > 0) throw new Error(`${method} ${path} answered ${answer.statusCode} without ${missing.join(", ")}`);
  const validate = ajv.compile({ $ref: `openapi#${at}/content/application~1json/schema` });
  if (!validate(answer.json())) throw new Error(`${method} ${path}: ${ajv.errorsText(validate.errors)}`);
}

function escapePointer(part: string): string {
  return encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
}
