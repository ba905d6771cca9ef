import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from "node:tls";
import { generate } from "selfsigned";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EndpointRules } from "../../server/outbox/endpoint-rules.ts";
import { createPostToEndpoint } from "../../server/outbox/post-to-endpoint.ts";

const HOST = "hooks.example";

let server: Server;
let certificate: string;
const trusted = getCACertificates("default");
const calls: string[] = [];

beforeAll(async () => {
  const made = await generate([{ name: "commonName", value: HOST }], {
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: [{ type: 2, value: HOST }] }],
  });
  certificate = made.cert;
  server = createServer({ key: made.private, cert: made.cert }, (request, response) => {
    calls.push(`${(request.socket as TLSSocket & { servername?: string }).servername} ${request.headers.host}`);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterAll(() => {
  setDefaultCACertificates(trusted);
  server.closeAllConnections();
  server.close();
});

/** Any host is here, and here is an allowed address. */
const rules: EndpointRules = { problemOf: () => null, allowsAddress: () => true };
const post = createPostToEndpoint(rules, async () => [{ address: "127.0.0.1", family: 4 }]);
const portOf = () => (server.address() as AddressInfo).port;
const send = (host: string) =>
  post({
    url: `https://${host}:${portOf()}/`,
    headers: {},
    body: "{}",
    timeoutMs: 5_000,
    signal: new AbortController().signal,
  });

describe("an endpoint is called over TLS by its name, whatever address was checked", () => {
  test("where its certificate is one of a trusted authority, and of its name", async () => {
    setDefaultCACertificates([...trusted, certificate]);
    expect(await send(HOST)).toEqual({ status: 200, retryAfterSeconds: null });
    expect(calls.splice(0)).toEqual([`${HOST} ${HOST}:${portOf()}`]);
  });

  test("not where the certificate is of another name", async () => {
    setDefaultCACertificates([...trusted, certificate]);
    expect(await send("other.example")).toEqual({ error: "The connection failed (ERR_TLS_CERT_ALTNAME_INVALID)" });
    expect(calls).toEqual([]);
  });

  test("not where nobody trusted has signed it", async () => {
    setDefaultCACertificates(trusted);
    expect(await send(HOST)).toEqual({ error: "The connection failed (DEPTH_ZERO_SELF_SIGNED_CERT)" });
    expect(calls).toEqual([]);
  });
});
