import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import type { ErrorBody } from "../shared/errors.ts";

/** URL and headers together; a longer URL is refused before anything reads it. */
export const MAX_HEADER_BYTES = 32 * 1024;

const BAD_REQUEST = { status: "400 Bad Request", code: "BAD_REQUEST", message: "The request is not valid HTTP" } as const;

/** A request line that only its method makes invalid. */
const REQUEST_LINE = /^[A-Z-]+ \S+ HTTP\/1\.[01]\r?\n/;

/** What Node's parser refuses, by the code of its error. */
const REFUSALS: Record<string, { status: string; code: ErrorBody["code"]; message: string }> = {
  HPE_HEADER_OVERFLOW: {
    status: "431 Request Header Fields Too Large",
    code: "BAD_REQUEST",
    message: `The URL and the headers together must be under ${MAX_HEADER_BYTES} bytes`,
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: "408 Request Timeout",
    code: "BAD_REQUEST",
    message: "The request took too long to arrive",
  },
  HPE_INVALID_METHOD: { status: "405 Method Not Allowed", code: "METHOD_NOT_ALLOWED", message: "Unknown HTTP method" },
};

/** Answers what is no HTTP request, in the shape of every other error, and closes the connection. */
export function answerParserError(error: Error & { code?: string; rawPacket?: unknown }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const received = Buffer.isBuffer(error.rawPacket) ? error.rawPacket.toString("latin1") : "";
  const isRequest = error.code !== "HPE_INVALID_METHOD" || REQUEST_LINE.test(received);
  const { status, code, message } = (isRequest && REFUSALS[error.code ?? ""]) || BAD_REQUEST;
  const requestId = randomUUID();
  const body = JSON.stringify({ error: { code, message }, requestId });
  const head = [
    `HTTP/1.1 ${status}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "cache-control: private, no-store",
    `x-request-id: ${requestId}`,
    ...(code === "METHOD_NOT_ALLOWED" ? ["allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"] : []),
    "connection: close",
  ];
  if (socket.writable) socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  else socket.destroy();
}
