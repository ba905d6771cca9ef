import { describe, expect, test } from "vitest";
import { emptyTables, type FakeParts } from "../../../client-sdk/src/testing/state.ts";
import { SUITE } from "./suite.ts";
import { fakeWorlds } from "./world.ts";

/*
 * The suite sees a fake that misses one rule: what it asks of the server is asked in earnest. Each with the subject whose
 * checks are to be red.
 */
const MISSES = {
  "which workspace something is in": {
    red: "isolation",
    change(parts) {
      const shared = emptyTables();
      return { ...parts, tablesOf: () => shared };
    },
  },
  "that a closed workspace is not there": {
    red: "isolation",
    change: withRules(({ AppError }) => ({ workspaceNotFound: () => new AppError("FORBIDDEN", "It is not yours") })),
  },
  "which level somebody has": { red: "access", change: withRules(() => ({ agentLevel: () => "manage" })) },
  "when a grant ends": {
    red: "access",
    change: withRules(({ agentLevel }) => ({ agentLevel: (rule, agent, grant) => agentLevel(rule, agent, grant, 0) })),
  },
  "what a permission is needed for": { red: "refusals", change: withRules(() => ({ assertPermitted() {} })) },
  "what is wrong with an input": {
    red: "refusals",
    change: withRules(({ invalidInput }) => ({ refusedInput: () => invalidInput([]) })),
  },
  "that names are compared": { red: "agents", change: withRules(() => ({ comparisonKey: (name) => name })) },
  "which list a cursor is of": {
    red: "agents",
    change: withRules(({ encodeCursor, decodeCursor }) => ({
      encodeCursor: (_, keyset) => encodeCursor("any", keyset),
      decodeCursor: (_, cursor, kind) => decodeCursor("any", cursor, kind),
    })),
  },
  "how many guidelines there may be": { red: "guidelines", change: withRules(() => ({ MAX_GUIDELINES: 2_000 })) },
  "whose session it is": { red: "sessions", change: withRules(() => ({ seesSession: () => true, assertSees() {} })) },
  "whether an agent is active": { red: "events", change: withRules(() => ({ assertAgentActive() {} })) },
  "what was asked under a key": { red: "repetition", change: withRules(() => ({ canonicalJson: () => "the same" })) },
  "who asked under a key": { red: "repetition", change: withRules(() => ({ principalId: () => "anybody" })) },
} satisfies Record<string, { red: keyof typeof SUITE; change(parts: FakeParts): FakeParts }>;

function withRules(change: (rules: FakeParts["rules"]) => Partial<FakeParts["rules"]>): (parts: FakeParts) => FakeParts {
  return (parts) => ({ ...parts, rules: { ...parts.rules, ...change(parts.rules) } });
}

/** The sentences of a subject that do not hold. */
async function broken(subject: keyof typeof SUITE, change?: (parts: FakeParts) => FakeParts): Promise<string[]> {
  const makeWorld = fakeWorlds(change);
  const found: string[] = [];
  for (const [sentence, check] of Object.entries(SUITE[subject])) {
    await check(await makeWorld()).catch(() => found.push(sentence));
  }
  return found;
}

describe("the suite is red at a fake that misses", () => {
  for (const [what, { red, change }] of Object.entries(MISSES)) {
    test(`${what}: ${red}`, async () => {
      expect(await broken(red, change)).not.toEqual([]);
      // And not because a fake of such parts is broken in any case.
      expect(await broken(red)).toEqual([]);
    });
  }
});

test("what is forgotten of the workspaces is seen by the check that is for it", async () => {
  expect(await broken("isolation", MISSES["which workspace something is in"].change)).toContain(
    "what one workspace holds is not there in another, whoever asks and however",
  );
});
