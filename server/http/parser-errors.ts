import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "../shared/logger.ts";
import { type BareRefusal, bareAnswer, endBare } from "./bare-answer.ts";
import { requestIdOf } from "./request-id.ts";

/** URL and headers together; a longer URL is refused before anything reads it. */
export const MAX_HEADER_BYTES = 32 * 1024;

const BAD_REQUEST: BareRefusal = { status: 400, code: "BAD_REQUEST", message: "The request is not valid HTTP" };
const UNMET_EXPECTATION: BareRefusal = { status: 417, code: "BAD_REQUEST", message: "Expect can only be 100-continue" };
const NO_PROXY: BareRefusal = { status: 405, code: "METHOD_NOT_ALLOWED", message: "This server is no proxy" };

/** A request line that only its method makes invalid. */
const REQUEST_LINE = /^[A-Z-]+ \S+ HTTP\/1\.[01]\r?\n/;

/** What Node's parser refuses, by the code of its error. */
const REFUSALS: Record<string, BareRefusal> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: "BAD_REQUEST",
    message: `The URL and the headers together must be under ${MAX_HEADER_BYTES} bytes`,
  },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: "BAD_REQUEST", message: "The request took too long to arrive" },
  HPE_INVALID_METHOD: { status: 405, code: "METHOD_NOT_ALLOWED", message: "Unknown HTTP method" },
};

/** Answers what is no HTTP request, in the shape of every other error, and closes the connection. */
export function createParserErrorHandler(log: Logger) {
  return (error: Error & { code?: string; rawPacket?: unknown }, socket: Socket): void => {
    if (error.code === "ECONNRESET" || socket.destroyed) return;
    const received = Buffer.isBuffer(error.rawPacket) ? error.rawPacket.toString("latin1") : "";
    const isRequest = error.code !== "HPE_INVALID_METHOD" || REQUEST_LINE.test(received);
    const refusal = (isRequest && REFUSALS[error.code ?? ""]) || BAD_REQUEST;
    const requestId = randomUUID();
    logRefusal(log, refusal, requestId);
    endBare(socket, refusal, requestId);
  };
}

/** Answers what Node keeps from the framework, and would refuse without a word: CONNECT, and expectations of other kinds. */
export function answerUnserved(server: Server, log: Logger): void {
  server.on("checkExpectation", ({ headers }, response) => {
    const requestId = requestIdOf(headers["x-request-id"]);
    logRefusal(log, UNMET_EXPECTATION, requestId);
    const answer = bareAnswer(UNMET_EXPECTATION, requestId);
    response.writeHead(UNMET_EXPECTATION.status, answer.headers).end(answer.body);
  });
  server.on("connect", ({ headers }, socket) => {
    // Node has let go of the connection: nothing else hears of its errors, or closes it.
    socket.on("error", () => socket.destroy());
    socket.on("finish", () => socket.destroy());
    const requestId = requestIdOf(headers["x-request-id"]);
    logRefusal(log, NO_PROXY, requestId);
    endBare(socket, NO_PROXY, requestId);
  });
}

function logRefusal(log: Logger, { status, code }: BareRefusal, requestId: string): void {
  log.warn({ requestId, code }, `(no request) ${status}`);
}
