/** One event of a stream. Source: WHATWG HTML, 9.2 Server-sent events. */
export interface ServerSentEvent {
  type: string;
  data: string;
  /** The last id that the stream has named by then. */
  lastEventId: string;
}

const LINE_END = /\r\n|\r|\n/;

/** The events of a stream as they come; ends with the stream, or with the signal, and leaves no reader behind. */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent, void> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", cancel);
  const decoder = new TextDecoder();
  let rest = "";
  let lastEventId = "";
  let type = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      // A carriage return at the end may be half of a line's end.
      const lines = rest.split(rest.endsWith("\r") ? /\r\n|\n|\r(?!$)/ : LINE_END);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { type: type || "message", data: data.join("\n"), lastEventId };
          type = "";
          data = [];
          continue;
        }
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "data") data.push(text);
        else if (field === "event") type = text;
        else if (field === "id" && !text.includes("\0")) lastEventId = text;
      }
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}
