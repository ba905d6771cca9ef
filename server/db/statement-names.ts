const names = new Map<string, string>();
const MAX_NAMES = 300;

/** The name under which each connection keeps a SQL text parsed and planned; past the bound, "": such a text goes unnamed. */
export function statementName(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  if (names.size >= MAX_NAMES) return "";
  const name = `s${names.size}`;
  names.set(text, name);
  return name;
}
