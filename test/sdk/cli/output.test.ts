import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { audit } from "../../../client-sdk/src/cli/commands/audit.ts";
import { exitOf, UsageError } from "../../../client-sdk/src/cli/exit-codes.ts";
import { parseFlags } from "../../../client-sdk/src/cli/flags.ts";
import { harmless, harmlessJson } from "../../../client-sdk/src/cli/harmless.ts";
import { createOutput } from "../../../client-sdk/src/cli/output.ts";
import { readSettings } from "../../../client-sdk/src/cli/settings.ts";
import { sparkline } from "../../../client-sdk/src/cli/sparkline.ts";
import { toTable } from "../../../client-sdk/src/cli/table.ts";
import { verifyFile } from "../../../client-sdk/src/cli/verify-file.ts";

const ACTED_UPON = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

describe("text of anybody's", () => {
  test("has nothing in it that a terminal acts upon, and stays readable", () => {
    expect(harmless("a\u001b[2J\u009b31m\u0007\u202eb\nc\u200b\u007f")).toBe(
      "a\\u{1b}[2J\\u{9b}31m\\u{7}\\u{202e}b\\nc\\u{200b}\\u{7f}",
    );
    expect(harmless("Zoë 試験 🙂 –")).toBe("Zoë 試験 🙂 –");
    fc.assert(fc.property(fc.string({ unit: "binary" }), (any) => !ACTED_UPON.test(harmless(any))));
  });

  test("as JSON reads as what it was; plain JSON lets some of it stand", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" })), (value) => {
        const json = harmlessJson(value);
        expect(json).not.toMatch(ACTED_UPON);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    expect(JSON.stringify("\u009b\u202e")).toMatch(ACTED_UPON);
    expect(harmlessJson(undefined)).toBe("null");
  });

  test("in a table keeps its column, however wide its characters, and is cut where it is long", () => {
    const lines = toTable(
      ["name", "n"],
      [
        ["試験", 1],
        ["e\u0301", 2],
        ["x".repeat(80), 3],
        ["\u001b[31mred", null],
      ],
    ).split("\n");
    const [head = "", wide = "", combined = "", long = "", red = ""] = lines;
    expect(head.indexOf("N", 4)).toBe(62);
    expect(wide).toBe(`試験${" ".repeat(58)}1`);
    expect(combined).toBe(`e\u0301${" ".repeat(61)}2`);
    expect(long).toBe(`${"x".repeat(59)}…  3`);
    expect(red).toMatch(/^\\u\{1b\}\[31mred +-$/);
  });
});

test("a sparkline tells nothing from something, and adds up what does not fit", () => {
  expect(sparkline([])).toBe("");
  expect(sparkline([0, 0])).toBe("▁▁");
  expect(sparkline([0, 1, 500, 1_000])).toBe("▁▂▅█");
  expect(sparkline(Array<number>(120).fill(2))).toBe("█".repeat(60));
  expect(sparkline(Array<number>(125).fill(1))).toBe(`${"█".repeat(41)}▆`);
});

test("progress is for a person at a terminal; quiet leaves out notes as well", async () => {
  for (const [isTTY, isQuiet, told] of [
    [true, false, "\r\u001b[K1\r\u001b[Kdone\n"],
    [false, false, "done\n"],
    [true, true, ""],
  ] as const) {
    const stderr = Object.assign(new PassThrough(), { isTTY });
    const { signal } = new AbortController();
    const output = createOutput(new PassThrough(), stderr, { isJson: false, isQuiet, signal });
    output.progress("1");
    output.progress("2"); // too soon
    output.note("done");
    stderr.end();
    expect(await text(stderr)).toBe(told);
  }
});

test("what is written waits for its reader, or for Ctrl-C", async () => {
  const stopping = new AbortController();
  const stdout = new PassThrough({ highWaterMark: 4 });
  const output = createOutput(stdout, new PassThrough(), { isJson: false, isQuiet: true, signal: stopping.signal });
  let isWritten = false;
  const writing = output.text("more than four").then(() => {
    isWritten = true;
  });
  await new Promise(setImmediate);
  expect(isWritten).toBe(false);
  expect(String(stdout.read())).toBe("more than four");
  await writing;
  const unread = output.text("more than four");
  stopping.abort();
  await expect(unread).rejects.toMatchObject({ name: "AbortError" });
});

describe("flags", () => {
  const kinds = { name: "text", tag: "texts", json: "switch", n: "text" } as const;

  test("are read as what they have to be", () => {
    const { flags, positionals } = parseFlags(["id", "--tag", "a", "--tag=b", "--json", "--n", "7"], kinds);
    expect([positionals, flags.texts("tag"), flags.is("json"), flags.text("name")]).toEqual([
      ["id"],
      ["a", "b"],
      true,
      undefined,
    ]);
    expect([flags.integer("n", { min: 1, max: 7 }), flags.number("n"), flags.choice("n", ["7", "8"])]).toEqual([7, 7, "7"]);
  });

  test.each([[["--what"]], [["--what=secret"]], [["--name"]], [["--json=yes"]], [["-x"]]])("%j is used wrongly", (args) => {
    expect(() => parseFlags(args, kinds)).toThrow(UsageError);
    expect(() => parseFlags(args, kinds)).not.toThrow("secret");
  });

  test.each(["0", "8", "1.5", "-1", "x", "", "1e3"])("%j is no whole number from 1 to 7", (value) => {
    const { flags } = parseFlags([`--n=${value}`], kinds);
    expect(() => flags.integer("n", { min: 1, max: 7 })).toThrow("--n must be a whole number from 1 to 7");
    expect(() => flags.choice("n", ["7"])).toThrow("--n must be one of 7");
  });
});

test("a flag goes before a variable, an empty variable is none, and credentials are one", () => {
  const { flags: none } = parseFlags([], { url: "text", workspace: "texts", timeout: "text" });
  const { flags } = parseFlags(["--url", "http://b", "--workspace", "x"], { url: "text", workspace: "texts", timeout: "text" });
  const environment = { SIM_PARLANT_URL: "http://a", SIM_WORKSPACE_ID: "u, v", SIM_API_KEY: " ", SIM_TOKEN: "t" };
  expect([readSettings(none, environment).baseUrl, readSettings(none, environment).workspaceIds()]).toEqual([
    "http://a",
    ["u", "v"],
  ]);
  expect([readSettings(flags, environment).baseUrl, readSettings(flags, environment).workspaceIds()]).toEqual([
    "http://b",
    ["x"],
  ]);
  expect(readSettings(none, {}).baseUrl).toBe("http://localhost:8001");
  expect(readSettings(none, environment).client()).toBeDefined();
  expect(() => readSettings(none, environment).workspace()).toThrow("one workspace");
  expect(() => readSettings(none, { ...environment, SIM_API_KEY: "k" }).client()).toThrow("Set one of");
  expect(() => readSettings(none, {}).client()).toThrow("Set SIM_API_KEY");
  expect(() => readSettings(none, {}).workspaceIds()).toThrow("Name a workspace");
  expect(() => readSettings(none, {}).webhookSecrets()).toThrow("Set SIM_WEBHOOK_SECRET");
  expect(() => readSettings(none, { SIM_TOKEN: "t", SIM_PARLANT_URL: "nowhere" }).client()).toThrow(UsageError);
});

test("an exit code says whether a person, a program or time has to mend it", () => {
  const codes = ["UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "RATE_LIMITED", "CONNECTION", "CONFLICT", "BAD_REQUEST"] as const;
  expect(codes.map(exitOf)).toEqual([3, 3, 3, 4, 4, 1, 1]);
});

test("an export, which has to be as it was written, goes to no terminal", async () => {
  const { signal } = new AbortController();
  const { flags, positionals } = parseFlags([], audit.export.flags ?? {});
  const settings = readSettings(flags, {});
  const exportTo = (isTTY: boolean) => {
    const stdout = Object.assign(new PassThrough(), { isTTY });
    const output = createOutput(stdout, new PassThrough(), { isJson: false, isQuiet: true, signal });
    return audit.export.run({ flags, positionals, settings, output, signal, readInput: async () => "" });
  };
  await expect(exportTo(true)).rejects.toThrow("control characters");
  // The control: elsewhere it only wants to know whose.
  await expect(exportTo(false)).rejects.toThrow("SIM_");
});

test("a file that is checked with no key is not opened, so that nothing of it can fail behind that", async () => {
  const failures: unknown[] = [];
  const note = (error: unknown) => failures.push(error);
  process.on("uncaughtException", note);
  const signal = AbortSignal.abort();
  await expect(verifyFile(import.meta.filename, { keys: ["no key"], checkpoint: undefined, signal })).rejects.toThrow("key");
  await new Promise((resolve) => setImmediate(resolve));
  process.off("uncaughtException", note);
  expect(failures).toEqual([]);
});
