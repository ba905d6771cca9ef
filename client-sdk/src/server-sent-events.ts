/** One event of a stream. Source: WHATWG HTML, 9.2 Server-sent events. */
export interface ServerSentEvent {
  type: string;
  data: string;
  /** The event's own id, empty where it has none. */
  id: string;
}

/**
 * The events of a stream as they come; ends with the stream, or with the signal, and leaves no reader behind. Lines end as
 * servers end them, with a line feed, not with a carriage return alone.
 */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent, void> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", cancel);
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const fields: Partial<Record<string, string>> = {};
        for (const line of block.split(/\r?\n/)) {
          const [, name = "", value = ""] = /^(\w+): ?(.*)$/s.exec(line) ?? [];
          fields[name] = name in fields ? `${fields[name]}\n${value}` : value;
        }
        const { event: type = "message", data, id = "" } = fields;
        if (data !== undefined) yield { type, data, id };
      }
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}
