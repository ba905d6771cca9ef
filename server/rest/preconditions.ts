import type { Issue } from "../shared/errors.ts";

const VERSION_TAG = /^"(\d{1,15})"$/;

/** The strong tag of a version. Source: RFC 9110, section 8.8.3. */
export function versionTag(version: number): string {
  return `"${version}"`;
}

/**
 * The version that If-Match asks for; undefined where it asks for none. What cannot be honoured is an issue: a caller
 * that sends a precondition must not have its call made without it.
 */
export function readIfMatch(
  header: string | undefined,
  plan: { source: "query" | "body"; isVersioned: boolean },
  bodyVersion: unknown,
  issues: Issue[],
): number | undefined {
  if (header === undefined || header === "*" || plan.source === "query") return undefined;
  const refuse = (message: string): undefined => {
    issues.push({ path: ["If-Match"], message });
  };
  if (!plan.isVersioned) return refuse("is not honoured by this call");
  const version = VERSION_TAG.exec(header)?.[1];
  if (version === undefined) return refuse('must be one version as the ETag has it, such as "3", or *');
  if (bodyVersion !== undefined && bodyVersion !== Number(version)) return refuse("asks for another version than the body");
  return Number(version);
}
