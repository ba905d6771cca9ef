import type { Answer } from "./transports.ts";

/** An answer with the id that was put in the place of one's own. */
export interface Asked {
  answer: Answer;
  id: string;
}

/** The first of the secrets that stands in the answer although the caller did not send it itself. */
export function secretIn(answer: Answer, sent: unknown, secrets: readonly string[]): string | undefined {
  const [seen, known] = [JSON.stringify(answer), JSON.stringify(sent)];
  return secrets.find((secret) => seen.includes(secret) && !known.includes(secret));
}

/**
 * Times of the call itself, and how long it has taken, differ between any two calls, and with them the length of an answer
 * that succeeds; times of what was there before it stay.
 */
export function withoutTheTime(answer: Answer, askedAtMs: number): Answer {
  const body = answer.body
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (time) => (Date.parse(time) >= askedAtMs ? "<now>" : time))
    .replace(/"(ageMs|durationMs|syncDurationMs)":\d+/g, '"$1":"<how long>"');
  const { "content-length": length, ...headers } = answer.headers;
  return { ...answer, headers: answer.status < 400 ? headers : answer.headers, body };
}

/**
 * An answer and what it should be, as texts that are equal where the answers are, an echo of the id aside. Where the
 * baseline succeeded, what differs between its calls is left out; a refusal has to be the same to the byte.
 */
export function comparable(asked: Asked, baseline: readonly [Asked, ...Asked[]]): { seen: string; expected: string } {
  const [first, ...others] = baseline.map(leavesOf) as [Map<string, unknown>, ...Map<string, unknown>[]];
  const isRefusal = baseline.every(({ answer }) => answer.status >= 400);
  const isKept = (path: string) => isRefusal || others.every((other) => other.get(path) === first.get(path));
  const told = (leaves: Map<string, unknown>) => JSON.stringify([...leaves].filter(([path]) => isKept(path)).sort());
  return { seen: told(leavesOf(asked)), expected: told(first) };
}

function leavesOf({ answer, id }: Asked): Map<string, unknown> {
  const { status, headers, body } = JSON.parse(JSON.stringify(answer).replaceAll(id, "<id>")) as Answer;
  return new Map(leaves({ status, headers, body: asJson(body) }));
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // an export, or nothing at all
  }
}

function* leaves(value: unknown, path = ""): Iterable<[string, unknown]> {
  if (typeof value !== "object" || value === null) yield [path, value];
  else if (Object.keys(value).length === 0) yield [path, Array.isArray(value) ? "[]" : "{}"];
  else for (const [name, inner] of Object.entries(value)) yield* leaves(inner, `${path}/${name}`);
}
