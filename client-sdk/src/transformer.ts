import superjson from "superjson";
import { BadRequestError } from "./error-classes.ts";

/** superjson, whose refusal of an input is an error of this client's. */
export const TRANSFORMER = {
  input: {
    serialize(input: unknown) {
      try {
        return superjson.serialize(input);
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : "It is no data";
        throw new BadRequestError(`The input cannot be sent: ${message}`, {
          cause,
          details: { issues: [{ path: [], message }] },
        });
      }
    },
    deserialize: superjson.deserialize,
  },
  output: superjson,
};
