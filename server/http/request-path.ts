import type { FastifyRequest } from "fastify";

/** The pattern of the route that takes the request, however its URL spells it; the decoded path where only a catch-all does. */
export function routedPath(request: FastifyRequest): string {
  const { url } = request.routeOptions;
  return url === undefined || url === "*" ? decodedPath(request.url) : url;
}

/** The path of a request target as the router reads it: decoded, without host and query. What cannot be decoded stays. */
export function decodedPath(target: string): string {
  const [path = ""] = target.replace(/^https?:\/\/[^/?#]*/i, "").split(/[?#]/, 1);
  return path.split("/").map(decodedSegment).join("/");
}

/** A slash that is encoded separates nothing. */
function decodedSegment(segment: string): string {
  try {
    return decodeURI(segment);
  } catch {
    return segment;
  }
}
