import type { DefaultOptions } from "@tanstack/react-query";
import superjson from "superjson";

/**
 * For the QueryClient of a server that renders and for the browser's: dates are still dates when the one's cache is in
 * the other's. A page's data is dehydrated into what may be a string of JSON.
 */
export const serializingOptions = {
  dehydrate: { serializeData: superjson.serialize },
  hydrate: { deserializeData: superjson.deserialize },
} as const satisfies Pick<DefaultOptions, "dehydrate" | "hydrate">;
