import { Prisma } from "./generated/client.ts";

/** SQLSTATE with which parlant_enter ends a transaction whose permission no longer holds. */
const GUARD_REJECTED = "PA001";
/** PostgreSQL has one SQLSTATE for this and for a privilege that is missing; only its words tell them apart. */
const ROW_REFUSED = /violates row-level security policy/;
const UNIQUE_VIOLATION = "P2002";
const FOREIGN_KEY_VIOLATION = "P2003";
/** node-postgres' own words for a connection that cannot be had or was lost; they come without a code. */
const UNAVAILABLE_MESSAGE =
  /timeout exceeded when trying to connect|Connection terminated|connection error and is not queryable|Client was closed/;
/** Serialization failure and deadlock, as PostgreSQL and as Prisma name them. */
const CONFLICT_CODES = new Set(["40001", "40P01", "P2034"]);
/** SQLSTATE classes of a database that cannot serve now: connection (08), resources (53), operator intervention (57), locks (55P03). */
const UNAVAILABLE_SQLSTATE = /^(08...|53...|57P0[1-5]|55P03|57014)$/;
const UNAVAILABLE_ERRNO = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"]);
/** Prisma's own codes for a server that is away (P1xxx) and for a transaction that could not start or was closed in time (P2024, P2028). */
const UNAVAILABLE_PRISMA = /^(P1001|P1002|P1008|P1017|P2024|P2028)$/;

/** What Prisma's adapter calls the same, where a statement of our own made in a transaction met it. */
const UNAVAILABLE_KIND = new Set(["ConnectionClosed", "DatabaseNotReachable", "SocketTimeout", "TooManyConnections"]);

/** Whether the guard ended the transaction: the decision has to be made again on the present truth. */
export function isGuardRejection(error: unknown): boolean {
  return chainOf(error).some((link) => codesOf(link).includes(GUARD_REJECTED));
}

/** Whether row-level security refused a row that a statement would have written. */
export function isRowRefused(error: unknown): boolean {
  return chainOf(error).some((link) => link instanceof Error && ROW_REFUSED.test(link.message));
}

/** Whether a write met another row of the same unique index, e.g. "parlant_agent_workspace_name_unique". */
export function isUniqueViolation(error: unknown, index: string): boolean {
  if (!(error instanceof Prisma.PrismaClientKnownRequestError) || error.code !== UNIQUE_VIOLATION) return false;
  return JSON.stringify(error.meta).includes(`"${index}"`);
}

/** Whether the workspace was deleted under the statement: what it wrote refers to a workspace that is gone. */
export function isWorkspaceGone(error: unknown): boolean {
  if (!(error instanceof Prisma.PrismaClientKnownRequestError) || error.code !== FOREIGN_KEY_VIOLATION) return false;
  return JSON.stringify(error.meta).includes("_workspace_id_fkey");
}

/** Whether the statement lost against another transaction and would do if made again. */
export function isTransactionConflict(error: unknown): boolean {
  return chainOf(error).some((link) => codesOf(link).some((code) => CONFLICT_CODES.has(code)));
}

/** Whether PostgreSQL refused the values themselves (classes 22 and 23), so that the same row is refused again. */
export function areValuesRefused(error: unknown): boolean {
  return chainOf(error).some((link) => codesOf(link).some((code) => /^2[23]...$/.test(code)));
}

/** Whether PostgreSQL has no such values (class 22), whatever the tables are. */
export function areValuesMalformed(error: unknown): boolean {
  return chainOf(error).some((link) => codesOf(link).some((code) => /^22...$/.test(code)));
}

/** Whether the database cannot serve at the moment, so that a retry makes sense. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return chainOf(error).some(
    (link) =>
      codesOf(link).some(
        (code) => UNAVAILABLE_SQLSTATE.test(code) || UNAVAILABLE_ERRNO.has(code) || UNAVAILABLE_PRISMA.test(code),
      ) ||
      ("kind" in link && UNAVAILABLE_KIND.has(String(link.kind))) ||
      (link instanceof Error && UNAVAILABLE_MESSAGE.test(link.message)),
  );
}

/** An error with all that caused it: through cause, and through the driver's error that Prisma keeps in meta. */
function chainOf(error: unknown): object[] {
  const chain: object[] = [];
  const pending: unknown[] = [error];
  while (pending.length > 0 && chain.length < 10) {
    const link = pending.shift();
    if (typeof link !== "object" || link === null || chain.includes(link)) continue;
    chain.push(link);
    const { cause, meta } = link as { cause?: unknown; meta?: { driverAdapterError?: unknown } };
    pending.push(cause, meta?.driverAdapterError);
  }
  return chain;
}

function codesOf(link: object): string[] {
  const { code, originalCode } = link as { code?: unknown; originalCode?: unknown };
  return [code, originalCode].filter((one): one is string => typeof one === "string");
}
