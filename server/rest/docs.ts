import { createReadStream, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { FastifyInstance } from "fastify";
import { REST_PREFIX } from "./rest-prefix.ts";

/** Swagger UI's own files, as the package carries them: nothing comes from elsewhere. */
const STATIC_DIR = dirname(createRequire(import.meta.url).resolve("@fastify/swagger-ui/static/index.html"));
const FILES: Record<string, string> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "index.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
};

/** Pictures in Swagger UI's style sheet are data: URLs. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Serves the interactive description of the REST API at /docs, from this server alone. */
export function serveDocs(app: FastifyInstance, basePath: string): void {
  const root = `${basePath}/docs`;
  const headers = { "content-security-policy": CONTENT_SECURITY_POLICY, "x-content-type-options": "nosniff" };
  const html = page(root);
  const script = startScript(basePath);
  app.get(root, (_request, reply) => reply.headers(headers).type("text/html; charset=utf-8").send(html));
  app.get(`${root}/`, (_request, reply) => reply.redirect(root, 308));
  app.get(`${root}/start.js`, (_request, reply) => reply.headers(headers).type("text/javascript; charset=utf-8").send(script));
  for (const [name, type] of Object.entries(FILES)) {
    const file = join(STATIC_DIR, name);
    const { size } = statSync(file);
    app.get(`${root}/${name}`, (_request, reply) =>
      reply
        .headers({ ...headers, "content-length": size, "cache-control": "public, max-age=3600" })
        .type(type)
        .send(createReadStream(file)),
    );
  }
}

function startScript(basePath: string): string {
  const options = { url: `${basePath}${REST_PREFIX}/openapi.json`, dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null };
  return `SwaggerUIBundle(${JSON.stringify(options)});\n`;
}

function page(root: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Parlant agents beside Sim</title>
<link rel="stylesheet" href="${root}/swagger-ui.css">
<link rel="stylesheet" href="${root}/index.css">
<link rel="icon" type="image/png" href="${root}/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="${root}/swagger-ui-bundle.js"></script>
<script src="${root}/start.js"></script>
</body>
</html>
`;
}
