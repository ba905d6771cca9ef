import { z } from "zod";

const NUL = "\0";
// Controls, format characters (among them those that reorder text on screen, Unicode UAX 9), line separators and fillers:
// all of them make one name look like another. The joiners U+200C and U+200D are letters' and emojis' own business.
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|(?![\u200c\u200d])\p{Cf}/u;
/** One character can be compared as eighteen (U+FDFA), and lists are ordered, indexed and continued by what is compared. */
const MAX_COMPARISON_KEY = 400;
const JOINERS = /\u200c|\u200d|\ufe0e|\ufe0f/gu;

/** Free text: NFC is left to the writer, NUL (which PostgreSQL cannot store) and lone surrogates are refused. */
export function freeText(max: number) {
  return z
    .string()
    .max(max)
    .refine((text) => !text.includes(NUL), "must not contain a NUL character")
    .refine((text) => text.isWellFormed(), "must be well-formed Unicode");
}

/** A one-line name: trimmed, normalized to NFC, without control, bidirectional or invisible characters. */
export function nameText(max: number) {
  return z
    .string()
    .transform((text) => text.trim().normalize("NFC"))
    .pipe(
      z
        .string()
        .min(1)
        // What is too long is not looked at any further.
        .max(max, { abort: true })
        .refine((text) => !UNSEEN.test(text), "must not contain control, bidirectional or invisible characters")
        .refine((text) => comparisonKey(text) !== "", "must have a visible character")
        .refine(
          (text) => comparisonKey(text).length <= MAX_COMPARISON_KEY,
          `must not come to more than ${MAX_COMPARISON_KEY} characters in compatibility form (Unicode NFKC)`,
        )
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

/** A name as compared: without regard to case, compatibility forms and what is not seen; the same in every database. */
export function comparisonKey(name: string): string {
  const folded = name.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ");
  return folded.replace(JOINERS, "").normalize("NFKC").trim();
}
