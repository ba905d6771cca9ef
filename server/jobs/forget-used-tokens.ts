import type { OneTimeTokens } from "../db/one-time-tokens.ts";
import type { Sweep } from "./sweeps.ts";

const BATCH = 5_000;

/** Used one-time tokens that have expired in Sim are forgotten, in statements that end within their time. */
export function forgetUsedTokens(tokens: OneTimeTokens, batchSize = BATCH): Sweep {
  return {
    name: "forget-used-tokens",
    everySeconds: 3_600,
    async run(signal) {
      for (let count = batchSize; count === batchSize && !signal.aborted; ) count = await tokens.forget(batchSize);
    },
  };
}
