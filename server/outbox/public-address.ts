import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Global unicast, within which alone an IPv6 address can be public. Source: IANA IPv6 address space. */
const GLOBAL_UNICAST = ipaddr.parseCIDR("2000::/3") as [ipaddr.IPv6, number];

/**
 * Ranges that the library takes for public and that are not everybody's: Azure's metadata address, SRv6, documentation
 * (RFC 9637), 6to4 relays, protocol assignments, and the addresses of AS112 and AMT.
 */
const NOT_PUBLIC = [
  "168.63.129.16/32",
  "192.0.0.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.175.48.0/24",
  "5f00::/16",
  "3fff::/20",
  "2001::/23",
  "2620:4f:8000::/48",
].map((range) => ipaddr.parseCIDR(range));

/**
 * Whether an IP address is one of the public internet's. What no list knows is not: private, loopback, link-local (so
 * cloud metadata), shared, documentation, benchmark, multicast and reserved ranges, and IPv6 addresses that stand for an
 * IPv4 address (mapped, translated by NAT64, 6to4, Teredo), whatever that one is.
 */
export function isPublicAddress(address: string): boolean {
  // The library reads notations that are no address to anybody else.
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  if (parsed instanceof ipaddr.IPv6 && !parsed.match(GLOBAL_UNICAST)) return false;
  return !NOT_PUBLIC.some(([base, bits]) => base.kind() === parsed.kind() && parsed.match(base as never, bits));
}

export function isLoopbackAddress(address: string): boolean {
  return isIP(address) !== 0 && ipaddr.parse(address).range() === "loopback";
}
