/** One thing that was looked at: the server must not run on what is unfit; what is degraded it does without. */
export interface Finding {
  level: "ok" | "degraded" | "unfit";
  subject: "server" | "sim" | "migrations" | "isolation" | "role" | "backup";
  message: string;
  /** What mends it: SQL where SQL does, else a command. */
  remedy?: string;
}
