import superjson, { type SuperJSONResult } from "superjson";
import { BadRequestError, InvalidResponseError } from "./error-classes.ts";

/** An input as it is sent. @throws BadRequestError where it is no data */
export function packInput(input: unknown): string {
  try {
    return JSON.stringify(superjson.serialize(input));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "It is no data";
    throw new BadRequestError(`The input cannot be sent: ${message}`, {
      cause,
      details: { issues: [{ path: [], message }] },
    });
  }
}

/** The value in what the server has written. @throws InvalidResponseError where it cannot be read */
export function unpack(read: () => unknown): unknown {
  try {
    return superjson.deserialize(read() as SuperJSONResult);
  } catch (cause) {
    throw new InvalidResponseError("The server's answer could not be read", { cause });
  }
}
