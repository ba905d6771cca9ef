import { z } from "zod";

/** The years that ISO 8601 writes with four digits and PostgreSQL reads. */
const FIRST_MS = 0;
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** A moment, to the millisecond: a Date, or ISO 8601 text with its zone, of the years 1970 to 9999. */
export const instant = z
  .union([z.date(), z.iso.datetime({ offset: true }).transform((text) => new Date(text))])
  .refine((time) => time.getTime() >= FIRST_MS && time.getTime() <= LAST_MS, "must be a time of the years 1970 to 9999");
