import { InvalidResponseError } from "./error-classes.ts";

/** One event of a stream. Source: WHATWG HTML, 9.2 Server-sent events. */
export interface ServerSentEvent {
  type: string;
  data: string;
  /** The event's own id, empty where it has none. */
  id: string;
}

/** What one event may hold, in characters; the server's own are far below. */
const MAX_LENGTH = 16_000_000;

/**
 * The events of a stream as they come; ends with the stream, or with the signal, and leaves no reader behind. Lines end as
 * servers end them, with a line feed, not with a carriage return alone.
 *
 * @throws InvalidResponseError where an event has no end
 */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent, void> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", cancel);
  // It may have aborted between the answer and here.
  if (signal.aborted) cancel();
  const decoder = new TextDecoder();
  /** The line that has not ended, and the event's fields and their length so far. */
  let rest = "";
  let fields: Partial<Record<string, string>> = {};
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const text = decoder.decode(value, { stream: true });
      rest += text;
      // Looked for in what came alone, since a long line comes in many pieces.
      const lines = text.includes("\n") ? rest.split(/\r?\n/) : [rest];
      rest = lines.pop() ?? "";
      for (const line of lines) {
        length += line.length;
        if (line) {
          const [, name = "", told = ""] = /^(\w+): ?(.*)$/s.exec(line) ?? [];
          fields[name] = name in fields ? `${fields[name]}\n${told}` : told;
          continue;
        }
        const { event: type = "message", data, id = "" } = fields;
        fields = {};
        length = 0;
        if (data !== undefined) yield { type, data, id };
      }
      if (length + rest.length > MAX_LENGTH) throw new InvalidResponseError(`An event is longer than ${MAX_LENGTH} characters`);
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}
