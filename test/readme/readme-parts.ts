import { readFileSync } from "node:fs";

/** README.md, by the parts that can be held against the code. */
export const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

/** The contents of each fenced block of a language. */
export function blocks(language: string): string[] {
  return [...README.matchAll(new RegExp(`^ *\`\`\`${language}\n([\\s\\S]*?)^ *\`\`\``, "gm"))].map(([, text]) => text ?? "");
}

/** The rows of the table under a heading, without its head: cells as they are written. */
export function tableUnder(heading: string): string[][] {
  const section = README.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** What stands in backticks. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code ?? "");
}

/** README.md without its fenced blocks. */
export const PROSE = README.replaceAll(/^ *```[\s\S]*?^ *```/gm, "");
