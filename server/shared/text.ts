import { z } from "zod";

const NUL = "\0";
// Control characters, and the marks that reorder text on screen (Unicode UAX 9): both make one name look like another.
const CONTROL_OR_BIDI = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Free text: NFC is left to the writer, NUL (which PostgreSQL cannot store) and lone surrogates are refused. */
export function freeText(max: number) {
  return z
    .string()
    .max(max)
    .refine((text) => !text.includes(NUL), "must not contain a NUL character")
    .refine((text) => text.isWellFormed(), "must be well-formed Unicode");
}

/** A one-line name: trimmed, normalized to NFC, without control or bidirectional characters. */
export function nameText(max: number) {
  return z
    .string()
    .transform((text) => text.trim().normalize("NFC"))
    .pipe(
      z
        .string()
        .min(1)
        .max(max)
        .refine((text) => !CONTROL_OR_BIDI.test(text), "must not contain control or bidirectional characters")
        .refine((text) => text.isWellFormed(), "must be well-formed Unicode"),
    )
    .meta({ minLength: 1, maxLength: max });
}

/** A Sim id: opaque text of 1 to 128 characters, never checked as a UUID. */
export const simId = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => !text.includes(NUL), "must not contain a NUL character")
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode");

/** A name as compared: without regard to case, the same in every database. */
export function comparisonKey(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
