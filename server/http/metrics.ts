import { hash, timingSafeEqual } from "node:crypto";
import { BlockList, isIPv6 } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Registry } from "prom-client";
import { AppError } from "../shared/errors.ts";

export interface MetricsOptions {
  registry: Registry;
  /** Whoever has it is shown the metrics, from anywhere; nobody has it where there is none. */
  token: string | undefined;
  /** The addresses and ranges of proxies: what comes from one of them comes from anywhere. */
  trustedProxies: readonly string[];
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");
/** What proxies add, configured or not: its sender is not the one who asks. */
const OF_PROXIES = /^(forwarded|via|x-real-ip|x-client-ip|true-client-ip|cf-.*|x-forwarded-.*|x-envoy-.*)$/;
/** A page that has bound its own name to the loopback address sends that name. */
const LOCAL_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** Serves /metrics in Prometheus' text format to this machine itself and to who has the token. */
export function serveMetrics(app: FastifyInstance, basePath: string, options: MetricsOptions): void {
  const proxies = toBlockList(options.trustedProxies);
  app.get(`${basePath}/metrics`, async (request, reply) => {
    if (!hasToken(request, options.token) && !isLocal(request, proxies)) {
      throw new AppError("UNAUTHORIZED", "Metrics are for this machine itself and for the holder of METRICS_TOKEN");
    }
    const text = await options.registry.metrics();
    return reply.header("cache-control", "no-store").type(options.registry.contentType).send(text);
  });
}

function hasToken({ headers: { authorization } }: FastifyRequest, token: string | undefined): boolean {
  if (token === undefined || authorization === undefined) return false;
  const given = /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "";
  // Digests are of one length, whatever was given.
  return timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", token, "buffer"));
}

/** Whether the request was made on this machine and by nobody's order, as far as a request can show that. */
function isLocal({ socket, headers }: FastifyRequest, proxies: BlockList): boolean {
  const { remoteAddress } = socket;
  if (remoteAddress === undefined || !includes(LOOPBACK, remoteAddress) || includes(proxies, remoteAddress)) return false;
  if (Object.keys(headers).some((name) => OF_PROXIES.test(name))) return false;
  return LOCAL_HOST.test(headers.host ?? "");
}

function includes(list: BlockList, address: string): boolean {
  // An IPv4 address mapped into IPv6 is found among those of IPv4.
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

function toBlockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  const add = (address: string, bits: number | undefined) => {
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  };
  for (const range of ranges) {
    if (range === "loopback") {
      add("127.0.0.0", 8);
      add("::1", undefined);
    } else if (range !== "linklocal" && range !== "uniquelocal") {
      const [address = "", bits] = range.split("/");
      add(address, bits === undefined ? undefined : Number(bits));
    }
  }
  return list;
}
