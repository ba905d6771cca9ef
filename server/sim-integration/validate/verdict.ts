import type { IntegrationCheck } from "./schemas.ts";

/** What a check found; its name is the runner's to add. */
export type Verdict = Omit<IntegrationCheck, "name">;

export const passed = (message: string): Verdict => ({ status: "passed", message, remedy: null });
export const skipped = (message: string): Verdict => ({ status: "skipped", message, remedy: null });
export const warning = (message: string, remedy: string): Verdict => ({ status: "warning", message, remedy });
export const failed = (message: string, remedy: string): Verdict => ({ status: "failed", message, remedy });
