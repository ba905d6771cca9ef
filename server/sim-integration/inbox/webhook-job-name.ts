import type { JobData } from "../../jobs/job-kind.ts";

export interface WebhookJobData extends JobData {
  deliveryId: string;
}

/** The kind of job that carries out a delivery, for those who enqueue it. */
export const WEBHOOK_JOB: { name: string; _data?: WebhookJobData } = { name: "webhook" };
