import { findSimError } from "./answer.ts";
import { abortedBy } from "./error-classes.ts";

/** What one call may have for itself; the rest is the client's. */
export interface CallOptions {
  /** Ends the call, whether it is being made, waited for or about to be repeated. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for the whole call, its repetitions and waits included; Infinity for none. */
  timeoutMs?: number | undefined;
  /** How often the call may be repeated, where that is safe. */
  retries?: number | undefined;
  /** Sent besides the client's own. */
  headers?: Record<string, string> | undefined;
}

/** A call that creates: made again under the same key within 24 hours, it gets the same answer and creates nothing. */
export interface CreateOptions extends CallOptions {
  /** A new one for each call unless given. */
  idempotencyKey?: string | undefined;
}

/** A type alias, since tRPC's context has an index signature. */
export type TrpcCallContext = Omit<CreateOptions, "signal">;

/** What a call of the raw tRPC client takes besides its input. */
export interface TrpcCallOptions {
  signal?: AbortSignal;
  context?: TrpcCallContext;
}

type CallArguments<Input> = undefined extends Input
  ? [input?: Input, options?: TrpcCallOptions]
  : [input: Input, options?: TrpcCallOptions];

/** A query of the raw tRPC client. */
export interface QueryCall<Input, Output> {
  query(...args: CallArguments<Input>): Promise<Output>;
}

/** A mutation of the raw tRPC client. */
export interface MutationCall<Input, Output> {
  mutate(...args: CallArguments<Input>): Promise<Output>;
}

/** What a subscription of the raw tRPC client tells; `id` is where it can be resumed. */
export interface SubscriptionHandlers<Output> {
  onStarted?: () => void;
  onData?: (item: { id: string; data: Output }) => void;
  onError?: (error: unknown) => void;
  onComplete?: () => void;
}

/** A subscription of the raw tRPC client. */
export interface SubscriptionCall<Input, Output> {
  subscribe(input: Input, options: TrpcCallOptions & SubscriptionHandlers<Output>): { unsubscribe(): void };
}

/** The answer of a query, made through the raw client. @throws as invoke does */
export function runQuery<Input, Output>(
  procedure: { query(input: Input, options?: TrpcCallOptions): Promise<Output> },
  input: Input,
  options: CallOptions,
): Promise<Output> {
  return invoke(options, (call) => procedure.query(input, call));
}

/** The answer of a mutation. @throws as invoke does */
export function runMutation<Input, Output>(
  procedure: { mutate(input: Input, options?: TrpcCallOptions): Promise<Output> },
  input: Input,
  options: CreateOptions,
): Promise<Output> {
  return invoke(options, (call) => procedure.mutate(input, call));
}

/**
 * The answer of a call made through the raw client.
 *
 * @throws SimParlantError where the server refused or could not be reached; what the caller's own functions threw
 */
export async function invoke<Output>(
  options: CreateOptions,
  call: (options: TrpcCallOptions) => Promise<Output>,
): Promise<Output> {
  const { signal, ...context } = options;
  try {
    return await call({ ...(signal && { signal }), context });
  } catch (error) {
    const found = findSimError(error);
    if (signal?.aborted && (found?.code ?? "ABORTED") === "ABORTED") {
      throw abortedBy(signal);
    }
    throw found ?? causeOf(error);
  }
}

/** tRPC wraps whatever was thrown on the way, an exception of the caller's own token function too. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}
