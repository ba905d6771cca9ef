import type {
  DataTag,
  InfiniteData,
  MutationOptions,
  QueryFunctionContext,
  UndefinedInitialDataInfiniteOptions,
  UnusedSkipTokenOptions,
} from "@tanstack/react-query";
import { invoke, type MutationCall, type QueryCall } from "../call.ts";
import type { SimParlantError } from "../errors.ts";
import { newIdempotencyKey } from "../idempotency-key.ts";
import { keyOf, type WorkspaceKey } from "./keys.ts";

/** A procedure's input without the workspace, which is the options' own; a union stays one. */
type Own<Input> = Input extends unknown ? Omit<Input, "workspaceId"> : never;
type Arguments<Input> = Record<string, never> extends Own<Input> ? [input?: Own<Input>] : [input: Own<Input>];

type ReadQuery<Output> = UnusedSkipTokenOptions<Output, SimParlantError, Output, WorkspaceKey> & {
  queryKey: DataTag<WorkspaceKey, Output, SimParlantError>;
};
type Pages<Output> = InfiniteData<Output, string | undefined>;
type PagesQuery<Output> = UndefinedInitialDataInfiniteOptions<
  Output,
  SimParlantError,
  Pages<Output>,
  WorkspaceKey,
  string | undefined
> & { queryKey: DataTag<WorkspaceKey, Pages<Output>, SimParlantError> };

/** The options of a procedure that reads. */
export interface ReadOptions<Input, Output> {
  queryOptions(...args: Arguments<Input>): ReadQuery<Output>;
  /** The key of one input's answer; without an input, the beginning of every one's. */
  queryKey(input?: Partial<Own<Input>>): WorkspaceKey;
}

/** The options of a procedure that reads page by page. */
export interface PageOptions<Input, Output> extends ReadOptions<Input, Output> {
  infiniteQueryOptions(...args: Arguments<Omit<Input, "cursor">>): PagesQuery<Output>;
}

/** The options of a procedure that changes something; what is shown of its part of the workspace is read anew behind it. */
export interface ChangeOptions<Input, Output> {
  mutationOptions(): MutationOptions<Output, SimParlantError, Own<Input>> & { mutationKey: WorkspaceKey };
}

interface Place {
  workspaceId: string;
  path: readonly string[];
}

export function readOptions<Input, Output>(
  { workspaceId, path }: Place,
  call: QueryCall<Input, Output>,
): ReadOptions<Input, Output> {
  return {
    queryOptions: (...[input]) => ({
      queryKey: keyOf(workspaceId, path, input) as ReadQuery<Output>["queryKey"],
      queryFn: ({ signal }: QueryFunctionContext) =>
        invoke({ signal }, (options) => call.query({ ...input, workspaceId } as Input, options)),
      // The client has repeated it already, where that was safe.
      retry: false,
    }),
    queryKey: (input) => keyOf(workspaceId, path, input),
  };
}

export function pageOptions<Input, Output extends { nextCursor: string | null }>(
  place: Place,
  call: QueryCall<Input, Output>,
): PageOptions<Input, Output> {
  const { workspaceId, path } = place;
  return {
    ...readOptions(place, call),
    infiniteQueryOptions: (...[input]) => ({
      // Pages are kept otherwise than a page: under one key, either would be taken for the other.
      queryKey: [...keyOf(workspaceId, path, input), "pages"] as unknown as PagesQuery<Output>["queryKey"],
      queryFn: ({ signal, pageParam }) =>
        invoke({ signal }, (options) => call.query({ ...input, cursor: pageParam, workspaceId } as Input, options)),
      initialPageParam: undefined,
      getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
      retry: false,
    }),
  };
}

/** The key of a mutation under way, by the object that TanStack Query hands to each of its tries, and to no other's. */
const keysUnderWay = new WeakMap<object, string>();

function keyUnderWay(mutation: object): string {
  const key = keysUnderWay.get(mutation) ?? newIdempotencyKey();
  keysUnderWay.set(mutation, key);
  return key;
}

/** `isCreate`: made again under a key of its own, by the client or by TanStack Query, it creates nothing twice. */
export function changeOptions<Input, Output>(
  { workspaceId, path }: Place,
  call: MutationCall<Input, Output>,
  isCreate: boolean,
): ChangeOptions<Input, Output> {
  return {
    mutationOptions: () => ({
      mutationKey: keyOf(workspaceId, path),
      mutationFn: (input, mutation) =>
        invoke(isCreate ? { idempotencyKey: keyUnderWay(mutation) } : {}, (options) =>
          call.mutate({ ...input, workspaceId } as Input, options),
        ),
      onSuccess: (_output, _input, _result, { client }) =>
        client.invalidateQueries({ queryKey: keyOf(workspaceId, path.slice(0, 1)) }),
      retry: false,
    }),
  };
}
