import pg from "pg";
import { currentBinding } from "../../server/db/binding.ts";
import { queryBound } from "../../server/db/bound-query.ts";

/** The mistake that ScopedPool avoids: it reads whose call it is when the queued connection comes, in whatever context that is. */
export class NaivePool extends pg.Pool {
  override query(...[config]: unknown[]): never {
    const result = new Promise((resolve, reject) => {
      super.connect((error, client, release) => {
        const binding = currentBinding();
        if (error || !client || !binding) {
          release();
          reject(error ?? new Error("no binding"));
          return;
        }
        queryBound(client, config as object, binding.prelude)
          .finally(() => release())
          .then(resolve, reject);
      });
    });
    return result as never;
  }
}
