import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allProcedures } from "../../server/rest/procedure-of.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type Asked, comparable, secretIn, withoutTheTime } from "./replay/answers.ts";
import type { IdSlot } from "./replay/example-inputs.ts";
import { absentId, kindsOf, slotsOf } from "./replay/place.ts";
import { examplesOf } from "./replay/replay.ts";
import { REPLAYED, type Stage, setStage } from "./replay/stage.ts";
import { type Answer, sendBatch, transportsOf } from "./replay/transports.ts";

const procedures = allProcedures();
const paths = Object.keys(procedures);
const HANDLERS = { "our handler": "", "tRPC's own handler": "unusual=1" };
const ORDERS = [
  ["own", "foreign", "missing"],
  ["own", "missing", "foreign"],
  ["foreign", "own", "missing"],
  ["foreign", "missing", "own"],
  ["missing", "own", "foreign"],
  ["missing", "foreign", "own"],
] as const;
type Whose = (typeof ORDERS)[number][number];

let server: TestServer;
let stage: Stage;
let count = 0;

beforeAll(async () => {
  server = await startTestServer(REPLAYED);
  stage = await setStage(server, kindsOf(paths, procedures), procedures);
});

afterAll(async () => {
  await stage?.close();
  await server?.stop();
});

interface Element {
  path: string;
  whose: Whose;
}

/** An input that names one's own things, another's or none that there are. */
function inputOf({ path, whose }: Element): unknown {
  const { mine, strangers } = stage;
  const missing = { workspaceId: absentId("workspaceId") };
  const ids: Record<string, string> = { own: mine.live, foreign: strangers["another's"]?.live ?? {}, missing }[whose];
  const idOf = ({ kind }: IdSlot) => ids[kind] ?? absentId(kind);
  return examplesOf(path, procedures, mine, { idOf, text: `Example ${++count}` })[0]?.value;
}

/** What each element of a batch came to, as an answer of its own. */
async function send(elements: readonly Element[], parameter: string): Promise<Asked[]> {
  const { mine, secrets } = stage;
  const type = procedures[elements[0]?.path ?? ""]?.type === "mutation" ? "mutation" : "query";
  const calls = elements.map((element) => ({ path: element.path, input: inputOf(element) }));
  const askedAtMs = Date.now();
  const whole = withoutTheTime(await sendBatch(server.url, type, mine.admin.headers, calls, parameter), askedAtMs);
  expect(secretIn(whole, calls, secrets)).toBeUndefined();
  const answers = (JSON.parse(whole.body) as object[]).map((body): Answer => {
    const { error } = body as { error?: { json: { data: { httpStatus: number } } } };
    return { status: error?.json.data.httpStatus ?? 200, headers: {}, body: JSON.stringify(body) };
  });
  const statuses = new Set(answers.map(({ status }) => status));
  expect([...statuses]).toContain(statuses.size > 1 ? 404 : whole.status);
  if (statuses.size > 1) expect(whole.status).toBe(207);
  return answers.map((answer) => ({ answer, id: mine.live["agentId"] ?? "" }));
}

/** The call of an element in no batch, as often as shows what differs from call to call. */
async function alone(element: Element, parameter: string): Promise<[Asked, ...Asked[]]> {
  const { mine } = stage;
  const single = transportsOf(server.url, element.path, procedures).findLast(
    ({ name }) => name.includes("own handler") === (parameter !== ""),
  );
  if (!single) throw new Error(`${element.path} is not called over tRPC`);
  const once = async (): Promise<Asked> => {
    await renew([element]);
    const askedAtMs = Date.now();
    const answer = withoutTheTime(await single.send(mine.admin.headers, inputOf(element)), askedAtMs);
    return { answer: { ...answer, headers: {} }, id: mine.live["agentId"] ?? "" };
  };
  return [await once(), await once()];
}

/** A mutation uses up what it is called for, and some need something to be there. */
async function renew(elements: readonly Element[]): Promise<void> {
  const { mine, act, refurnish } = stage;
  for (const { path, whose } of elements) {
    if (whose !== "own" || procedures[path]?.type !== "mutation") continue;
    await refurnish();
    const set = path.replace(/\.remove$/, ".set");
    if (set !== path && procedures[set]) await act(set, mine.admin, examplesOf(set, procedures, mine)[0]?.value);
  }
}

/** Every element of the batch whose answer is another than that of the same call alone. */
async function differences(elements: readonly Element[], parameter: string, sent = elements): Promise<string[]> {
  const before: Asked[][] = [];
  for (const element of elements) before.push(await alone(element, parameter));
  await renew(sent);
  const answers = await send(sent, parameter);
  const found: string[] = [];
  for (const [index, element] of elements.entries()) {
    const after = await alone(element, parameter);
    const { seen, expected } = comparable(answers[index] as Asked, [...after, ...(before[index] ?? [])]);
    if (seen !== expected) found.push(`${element.whose} ${element.path}: ${seen} instead of ${expected}`);
  }
  return found;
}

/** A stream is never one of a batch: tRPC refuses it there. */
const withIds = paths.filter((path) => procedures[path]?.type !== "subscription" && slotsOf(path, procedures).length > 0);

describe.each(Object.entries(HANDLERS))("with %s", { timeout: 120_000 }, (_, parameter) => {
  test.each(withIds)("%s on one's own, another's and nobody's in one batch is answered as each alone", async (path) => {
    for (const order of ORDERS) {
      const elements = order.map((whose) => ({ path, whose }));
      expect([order, await differences(elements, parameter)]).toEqual([order, []]);
    }
  });

  test("so is a batch of any queries", async () => {
    // What the trail tells is changed by the other calls of the batch, which it records.
    const queries = paths.filter((path) => procedures[path]?.type === "query" && !/\.(audit|isolation)\./.test(path));
    const element = fc.record({ path: fc.constantFrom(...queries), whose: fc.constantFrom<Whose>("own", "foreign", "missing") });
    await fc.assert(
      fc.asyncProperty(fc.array(element, { minLength: 2, maxLength: 6 }), async (elements) => {
        expect(await differences(elements, parameter)).toEqual([]);
      }),
      { numRuns: 10 },
    );
  });
});

test("after all of it nothing outside the workspace has changed", async () => {
  expect(await stage.changes()).toEqual([]);
});

test("how long a call took is no difference between two answers, and how far Sim is ahead is one", () => {
  const answered = (body: object): Asked => ({
    answer: withoutTheTime({ status: 200, headers: {}, body: JSON.stringify(body) }, 0),
    id: "mine",
  });
  const isSame = (body: object, other: object) => {
    const { seen, expected } = comparable(answered(other), [answered(body), answered(body)]);
    return seen === expected;
  };
  for (const name of ["ageMs", "durationMs", "syncDurationMs"])
    expect([name, isSame({ [name]: 3 }, { [name]: 4 })]).toEqual([name, true]);
  expect(isSame({ lagMs: 3 }, { lagMs: 4 })).toBe(false);
});

test("control: an answer that stands in another's place is told from one's own", async () => {
  const path = "workspaces.agents.get";
  const [own, foreign] = [{ path, whose: "own" } as const, { path, whose: "foreign" } as const];
  expect(await differences([own, foreign], "", [foreign, own])).toHaveLength(2);
});
