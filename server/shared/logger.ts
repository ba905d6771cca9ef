import pino from "pino";

export type Logger = pino.Logger;

const REDACTED_PATHS = ["headers", "authorization", "cookie", "apiKey", "token", "systemPrompt", "body", "req.headers"];

/** JSON lines to standard output, named as the operating contract names them; nothing secret passes the redaction. */
export function createLogger(level: string, destination?: pino.DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED_PATHS.flatMap((path) => [path, `*.${path}`]), censor: "[redacted]" },
    },
    destination ?? pino.destination({ sync: false }),
  );
}
