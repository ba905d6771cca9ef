import { isIP } from "node:net";
import { isLoopbackAddress, isPublicAddress } from "./public-address.ts";

/** Where events may be sent to. */
export interface EndpointRules {
  /** What is wrong with the URL; null where it may be an endpoint. Nothing is resolved. */
  problemOf(url: string): string | null;
  /** Whether a connection may be made to the IP address. */
  allowsAddress(address: string): boolean;
}

const MAX_LENGTH = 2_048;

/** Public https addresses on the given ports; the machine's own loopback, over http too, where a test asks for it. */
export function createEndpointRules({
  ports,
  allowLoopback,
}: {
  ports: readonly number[];
  allowLoopback: boolean;
}): EndpointRules {
  const allowsAddress = (address: string) => isPublicAddress(address) || (allowLoopback && isLoopbackAddress(address));
  return {
    allowsAddress,
    problemOf(text) {
      if (text.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
      if (!URL.canParse(text)) return "must be an absolute https URL";
      // Whatever notation an IP address has, the URL's host is its usual one.
      const url = new URL(text);
      const host = hostOf(url);
      const isLoopback = allowLoopback && (host === "localhost" || isLoopbackAddress(host));
      if (url.protocol !== "https:" && !(isLoopback && url.protocol === "http:")) return "must be an https URL";
      if (url.username || url.password) return "must not hold a credential";
      if (url.hash) return "must not have a fragment";
      if (isIP(host) !== 0 && !allowsAddress(host)) return "must not be an address that is not public";
      const port = Number(url.port || 443);
      if (!isLoopback && !ports.includes(port)) return `must be on one of the ports ${ports.join(", ")}`;
      return null;
    },
  };
}

/** The URL's host as it is resolved: without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}
