import { type CallOptions, runQuery, type TrpcCallOptions } from "./call.ts";
import { InvalidResponseError } from "./error-classes.ts";

/** A page of a list. */
export interface Page<Item> {
  data: Item[];
  /** Where the next page begins; null on the last one. */
  nextCursor: string | null;
}

/**
 * A list that was asked for. Awaited it is one page; iterated, every item of all pages, each page fetched as it is reached.
 * Nothing is sent before either.
 */
export class PageRequest<Item, P extends Page<Item>> implements PromiseLike<P>, AsyncIterable<Item> {
  readonly #fetchPage: (cursor: string | undefined) => Promise<P>;
  readonly #start: string | undefined;
  #first: Promise<P> | undefined;

  constructor(fetchPage: (cursor: string | undefined) => Promise<P>, start: string | undefined) {
    this.#fetchPage = fetchPage;
    this.#start = start;
  }

  // biome-ignore lint/suspicious/noThenProperty: to be awaited is what this class is for
  then<Value = P, Failure = never>(
    onPage?: ((page: P) => Value | PromiseLike<Value>) | null,
    onError?: ((error: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Value | Failure> {
    this.#first ??= this.#fetchPage(this.#start);
    return this.#first.then(onPage, onError);
  }

  catch<Failure = never>(onError?: ((error: unknown) => Failure | PromiseLike<Failure>) | null): Promise<P | Failure> {
    return this.then(null, onError);
  }

  finally(onEnd?: (() => void) | null): Promise<P> {
    return this.then().finally(onEnd);
  }

  /** The pages, one after the other, from the list's cursor on. */
  async *pages(): AsyncGenerator<P, void, undefined> {
    let cursor = this.#start;
    for (;;) {
      const page = await this.#fetchPage(cursor);
      yield page;
      if (page.nextCursor === null) return;
      if (page.nextCursor === cursor) throw new InvalidResponseError("The list's next page is the page itself");
      cursor = page.nextCursor;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for await (const page of this.pages()) yield* page.data;
  }
}

/** A list by its filters, of which each page is a call of its own. */
export function listPages<Item, P extends Page<Item>, Input extends { cursor?: string | undefined }>(
  procedure: { query(input: Input, options?: TrpcCallOptions): Promise<P> },
  filters: Input,
  options: CallOptions,
): PageRequest<Item, P> {
  return new PageRequest((cursor) => runQuery(procedure, { ...filters, cursor }, options), filters.cursor);
}
