import type { TrpcCallContext } from "./call.ts";
import type { ClientOptions } from "./client-options.ts";

const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The headers of one try: the request's, the client's, the call's, and last the credential, which none of them replaces.
 *
 * @throws TypeError where a value cannot be a header; it is not quoted, because fetch's own error would quote the credential
 */
export async function requestHeaders(
  client: ClientOptions,
  call: TrpcCallContext,
  fromRequest: Record<string, string>,
): Promise<Record<string, string>> {
  const own = typeof client.headers === "function" ? await client.headers() : client.headers;
  return {
    ...checked(fromRequest),
    ...checked(own),
    ...checked(call.headers),
    ...(call.idempotencyKey !== undefined && { "idempotency-key": visible("idempotencyKey", call.idempotencyKey) }),
    ...(await credentialHeader(client)),
  };
}

async function credentialHeader({ apiKey, token }: ClientOptions): Promise<Record<string, string>> {
  if (apiKey !== undefined) return { "x-api-key": visible("apiKey", apiKey) };
  if (token === undefined) return {};
  return { authorization: `Bearer ${visible("token", typeof token === "function" ? await token() : token)}` };
}

/** In lower case, so that a later one replaces an earlier one. */
function checked(headers: Record<string, string> | undefined): Record<string, string> {
  const entries = Object.entries(headers ?? {}).map(([name, value]) => {
    if (!HEADER_VALUE.test(value)) throw new TypeError(`The header "${name}" has characters that none may have`);
    return [name.toLowerCase(), value];
  });
  return Object.fromEntries(entries);
}

function visible(name: string, value: string): string {
  if (typeof value === "string" && VISIBLE_ASCII.test(value)) return value;
  throw new TypeError(`${name} must be visible ASCII characters, without spaces`);
}
