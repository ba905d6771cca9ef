import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { noteError } from "../http/error-answer.ts";
import { toAppError } from "../trpc/errors.ts";
import type { FileAnswer } from "./routes.ts";

interface Piece {
  text: string;
  nextCursor: string | null;
}

/**
 * Answers with a file whose pieces are called for one after the other, each by a call of its own and only when the client
 * has taken what came before. What the first call refuses is answered as ever; a later refusal ends the connection, so
 * that nobody takes the part for the whole.
 */
export async function sendFile(
  { name, mediaTypes }: FileAnswer,
  request: FastifyRequest,
  reply: FastifyReply,
  input: object,
  call: (input: object) => Promise<unknown>,
): Promise<FastifyReply> {
  const first = (await call(input)) as Piece;
  const [defaultFormat = ""] = Object.keys(mediaTypes);
  const format = "format" in input ? String(input.format) : defaultFormat;
  reply.type(mediaTypes[format] ?? "application/octet-stream");
  reply.header("content-disposition", `attachment; filename="${name}.${format}"`);
  // To whoever asks for the head alone, all that follows would be made in vain.
  if (request.method === "HEAD") return reply.send();
  return reply.send(Readable.from(pieces(first), { objectMode: false, highWaterMark: 64 * 1024 }));

  async function* pieces(piece: Piece): AsyncGenerator<Buffer> {
    for (let { text, nextCursor } = piece; ; ) {
      yield Buffer.from(text);
      if (nextCursor === null) return;
      ({ text, nextCursor } = await callNext(nextCursor));
    }
  }

  async function callNext(cursor: string): Promise<Piece> {
    try {
      return (await call({ ...input, cursor })) as Piece;
    } catch (error) {
      noteError(request, toAppError(error));
      throw error;
    }
  }
}
