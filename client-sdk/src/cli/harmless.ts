/**
 * What a terminal could take for a command, and what would turn a line around or break it: control characters of both
 * sets, separators of lines, signs of direction and of no width, and halves of characters.
 */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Text of anybody's, on one line, with nothing in it that a terminal acts upon. */
export function harmless(text: string): string {
  return text.replace(HARMFUL, (character) => NAMED[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A value as JSON on one line, which reads as the same value; JSON itself lets some of these characters stand. */
export function harmlessJson(value: unknown): string {
  return JSON.stringify(value ?? null).replace(HARMFUL, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
