import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { ErrorCode } from "../shared/errors.ts";

/** A refusal of what never becomes a request of the framework. Its status may be one that no code stands for alone. */
export interface BareRefusal {
  status: number;
  code: ErrorCode;
  message: string;
}

/** The headers and the body that tell a refusal as any other error is told; the connection ends with it. */
export function bareAnswer({ code, message }: BareRefusal, requestId: string): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify({ error: { code, message }, requestId });
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
    "cache-control": "private, no-store",
    "x-request-id": requestId,
    ...(code === "METHOD_NOT_ALLOWED" && { allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" }),
    connection: "close",
  };
  return { headers, body };
}

/** Writes a refusal to a connection that Node has given no response for, and ends it. */
export function endBare(socket: Duplex, refusal: BareRefusal, requestId: string): void {
  const { headers, body } = bareAnswer(refusal, requestId);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  if (!socket.writable) socket.destroy();
  else socket.end(`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n${lines.join("")}\r\n${body}`);
}
