import { resolveResponse } from "@trpc/server/http";
import type { FetchInit, FetchLike } from "../client-options.ts";
import { SERVER_PROCEDURES } from "../generated/server-rules.ts";
import type { Answers } from "./answers.ts";
import { assertOpen, type FakeRequest, recognise } from "./enter.ts";
import { createRouter } from "./router.ts";
import type { Refusal } from "./server-rules.ts";
import type { State } from "./state.ts";

const MAX_BATCH_SIZE = 10;
const TRPC_PATH = /\/api\/trpc\/([^/]+)$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** A fetch that the fake answers, at whatever host, in tRPC's own protocol. Nothing of it reaches the network. */
export function createFakeFetch(state: State, answers: Answers): FetchLike {
  const { rules } = state;
  const router = createRouter(state, answers);

  function answerWith(refusal: Refusal, requestId: string): Response {
    const headers = { "content-type": "application/json", ...rules.errorHeaders(refusal) };
    const body = JSON.stringify({ error: { json: rules.toErrorShape(refusal, "", requestId) } });
    return new Response(body, { status: rules.httpStatus(refusal), headers });
  }

  async function answer(url: URL, init: FetchInit, request: FakeRequest): Promise<Response> {
    const [, path] = TRPC_PATH.exec(url.pathname) ?? [];
    if (path === undefined) throw new rules.AppError("NOT_FOUND", "The fake server answers at /api/trpc alone");
    assertOpen(state);
    assertReadable(url, init, request, path);
    const refused: { error?: Refusal } = {};
    let isAnswered = false;
    const response = await resolveResponse({
      router,
      req: toRequest(url, init),
      path,
      error: null,
      maxBatchSize: MAX_BATCH_SIZE,
      // A query whose input does not fit into a URL comes as a body.
      allowMethodOverride: true,
      createContext: async () => ({ request }),
      onError({ error, ctx, type }) {
        // A stream that is refused before it begins is answered as any call: tRPC would answer 200 and tell it in the stream.
        if (!ctx || (type === "subscription" && !isAnswered)) refused.error ??= rules.toAppError(error);
      },
      responseMeta: ({ errors }) => ({
        headers: Object.assign({}, ...errors.map((error) => rules.errorHeaders(rules.toAppError(error)))),
      }),
    });
    isAnswered = true;
    if (!refused.error) return response;
    await response.body?.cancel();
    throw refused.error;
  }

  /** @throws BAD_REQUEST, UNAUTHORIZED before it: nobody else learns what a call would take */
  function assertReadable(url: URL, { body }: FetchInit, request: FakeRequest, path: string): void {
    try {
      for (const text of [body, url.searchParams.get("input")]) if (typeof text === "string") rules.assertHarmlessJson(text);
      if (request.idempotencyKey === null || IDEMPOTENCY_KEY.test(request.idempotencyKey)) return;
      throw rules.invalidInput([{ path: ["Idempotency-Key"], message: "must be 1 to 255 visible ASCII characters" }]);
    } catch (error) {
      if (!arePublic(path)) recognise(request);
      throw error;
    }
  }

  return async (target, init) => {
    const headers = new Headers(init.headers);
    const requestId = rules.requestIdOf(headers.get("x-request-id") ?? undefined);
    const request: FakeRequest = { state, headers, requestId, idempotencyKey: headers.get("idempotency-key") };
    const response = await answer(new URL(target), init, request).catch((error: unknown) =>
      answerWith(rules.toAppError(error), requestId),
    );
    response.headers.set("x-request-id", requestId);
    return response;
  };
}

/** With a signal of this realm, put beside it: that of a test's window is none that the platform's Request takes. */
function toRequest(url: URL, { method, headers, body, signal }: FetchInit): Request {
  const request = new Request(url, { method, headers, ...(body !== undefined && { body }) });
  const controller = new AbortController();
  if (signal.aborted) controller.abort(signal.reason);
  signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
  return Object.defineProperty(request, "signal", { value: controller.signal });
}

function arePublic(path: string): boolean {
  const procedures: Partial<Record<string, { permission: string }>> = SERVER_PROCEDURES;
  return path.split(",").every((one) => Object.hasOwn(procedures, one) && procedures[one]?.permission === "public");
}
