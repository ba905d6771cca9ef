/** An answer of the route itself, in the server's shape of errors. */
export interface Refusal {
  status: number;
  code: "BAD_REQUEST" | "FORBIDDEN" | "NOT_FOUND" | "SERVICE_UNAVAILABLE";
  message: string;
}

const ACCEPTABLE_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** The id that the caller gave the request where the server would take it, else another one. */
export function requestIdOf(given: string | null): string {
  return given !== null && ACCEPTABLE_ID.test(given) ? given : crypto.randomUUID();
}

/** Answers in the name of the server; nothing of the cause is told. */
export function refuse({ status, code, message }: Refusal, requestId: string): Response {
  return Response.json(
    { error: { code, message }, requestId },
    {
      status,
      headers: {
        "cache-control": "private, no-store",
        "x-content-type-options": "nosniff",
        "x-request-id": requestId,
        ...(code === "SERVICE_UNAVAILABLE" && { "retry-after": "1" }),
      },
    },
  );
}
