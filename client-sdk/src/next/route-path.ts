const SERVED = ["/api/trpc/", "/api/v1/"];
/** Nobody encodes a path over and over but to hide something in it; each time is another look at all of it. */
const MAX_ENCODINGS = 3;

/**
 * A route's prefix as it is compared: with a slash before it and none behind it.
 *
 * @throws TypeError where it is no plain path
 */
export function checkPrefix(prefix: string): string {
  const trimmed = prefix.replace(/\/+$/, "");
  if (!/^(\/[\w.~-]+)*$/.test(trimmed) || isUnsafe(trimmed)) {
    throw new TypeError(`prefix must be the path of the route, such as /api/parlant; got "${prefix}"`);
  }
  return trimmed;
}

/**
 * The path and query of a request behind the prefix, as the server is asked for them; null where that is not one of the
 * server's two interfaces, however it is spelt.
 */
export function servedPath({ pathname, search }: URL, prefix: string): string | null {
  if (!pathname.startsWith(`${prefix}/`)) return null;
  const path = pathname.slice(prefix.length);
  if (isUnsafe(path)) return null;
  return SERVED.some((served) => path.startsWith(served) && path.length > served.length) ? `${path}${search}` : null;
}

/** Whether something on the way could read other segments out of a path than stand in it. */
function isUnsafe(path: string): boolean {
  const segments = path.split("/").slice(1);
  return segments.some((segment) => isUnsafeSegment(segment, MAX_ENCODINGS));
}

/** Looked at with no percent-encoding left in it; it is unsafe too where it cannot be decoded, or is encoded more often. */
function isUnsafeSegment(segment: string, encodings: number): boolean {
  try {
    const decoded = decodeURIComponent(segment);
    if (decoded !== segment) return encodings === 0 || isUnsafeSegment(decoded, encodings - 1);
    return ["", ".", ".."].includes(segment) || /[/\\\p{Cc}]/u.test(segment);
  } catch {
    return true;
  }
}

/** A Location of the server as the page's own origin has it; null where it leads out of what is served there. */
export function ownLocation(location: string, server: URL, prefix: string): string | null {
  if (!URL.canParse(location, server.href)) return null;
  const target = new URL(location, server);
  const base = server.pathname.replace(/\/+$/, "");
  if (target.origin !== server.origin || !target.pathname.startsWith(`${base}/`)) return null;
  return `${prefix}${target.pathname.slice(base.length)}${target.search}`;
}
