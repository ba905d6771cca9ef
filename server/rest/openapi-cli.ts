import { writeFileSync } from "node:fs";
import { createOpenApiDocument } from "./openapi.ts";

// npm run openapi [file]: without a file, to standard output.
const document = `${JSON.stringify(createOpenApiDocument(process.env["BASE_PATH"] ?? ""), null, 2)}\n`;
const file = process.argv[2];
if (file === undefined) process.stdout.write(document);
else writeFileSync(file, document);
