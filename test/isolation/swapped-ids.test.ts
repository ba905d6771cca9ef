import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { allProcedures, type ProcedureInfo } from "../../server/rest/procedure-of.ts";
import { AppError, agentNotFound } from "../../server/shared/errors.ts";
import { simId } from "../../server/shared/text.ts";
import { publicProcedure, workspaceProcedure } from "../../server/trpc/procedures.ts";
import { t } from "../../server/trpc/trpc.ts";
import { AgentRef } from "../../server/workspaces/agents/schemas.ts";
import { connectInUtc } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { requestContext } from "../support/services.ts";
import { exampleInputs } from "./replay/example-inputs.ts";
import { kindsOf } from "./replay/place.ts";
import { replay } from "./replay/replay.ts";
import { REPLAYED, setStage } from "./replay/stage.ts";
import { callerTransport, transportsOf } from "./replay/transports.ts";

const procedures = allProcedures();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer(REPLAYED);
});

afterAll(() => server?.stop());

describe.each(Object.keys(procedures))("%s", { timeout: 120_000 }, (path) => {
  test("answers for what is another's, deleted or archived as for what is not there, and changes none of it", async () => {
    const stage = await setStage(server, kindsOf([path], procedures), procedures);
    try {
      expect(stage.secrets.filter((secret) => secret.includes("canary")).length).toBeGreaterThan(10);
      expect(await replay(stage, path, procedures, transportsOf(server.url, path, procedures))).toEqual([]);
    } finally {
      await stage.close();
    }
  });
});

describe("control: a procedure is caught that", () => {
  const Found = z.object({ name: z.string() });
  const sql = async (query: string, values: string[]): Promise<{ name: string }> => {
    const client = await connectInUtc(server.database.superuserUrl);
    try {
      const { rows } = await client.query(query, values);
      if (!rows[0]) throw agentNotFound();
      return rows[0];
    } finally {
      await client.end();
    }
  };
  const BY_ID = "select name from parlant.parlant_agent where id = $1";

  const LEAKY = {
    "reads by the agent's id alone": workspaceProcedure("agent:list", "Leaks.")
      .input(AgentRef)
      .output(Found)
      .query(({ input }) => sql(BY_ID, [input.agentId])),
    "says of an agent that it is elsewhere": workspaceProcedure("agent:list", "Leaks.")
      .input(AgentRef)
      .output(Found)
      .query(async ({ ctx, input }) => {
        const { name } = await sql("select workspace_id as name from parlant.parlant_agent where id = $1", [input.agentId]);
        if (name !== ctx.workspaceId) throw new AppError("NOT_FOUND", "The agent is in another workspace");
        return { name };
      }),
    "tells a workspace that is closed from one that is absent": publicProcedure("Leaks.")
      .input(z.strictObject({ workspaceId: simId }))
      .output(Found)
      .query(async ({ input }) => {
        const { name } = await sql("select name from workspace where id = $1", [input.workspaceId]);
        if (name !== "nobody's") throw new AppError("FORBIDDEN", "The workspace is closed to you");
        return { name };
      }),
    "changes by the agent's id alone": workspaceProcedure("agent:create", "Leaks.")
      .input(AgentRef)
      .output(Found)
      .mutation(async ({ input }) => {
        await sql("update parlant.parlant_agent set version = version + 1 where id = $1 returning name", [input.agentId]);
        throw agentNotFound();
      }),
    "refuses everything": workspaceProcedure("agent:list", "Leaks nothing and does nothing.")
      .input(AgentRef)
      .output(Found)
      .query(() => {
        throw agentNotFound();
      }),
  };
  const CAUGHT_BY = {
    "reads by the agent's id alone": /agentId of another's: .*canary.* instead of .*404/,
    "says of an agent that it is elsewhere": /agentId of another's: .*another workspace.* instead of .*Agent not found/,
    "tells a workspace that is closed from one that is absent": /another's workspace: .*403.* instead of .*404/,
    "changes by the agent's id alone": /outside the workspace, came: parlant.parlant_agent /,
    "refuses everything": /control: on one's own ids it is 404/,
  } satisfies Record<keyof typeof LEAKY, RegExp>;

  test.each(Object.entries(CAUGHT_BY))("%s", async (name, finding) => {
    const router = t.router({ leaky: LEAKY[name as keyof typeof CAUGHT_BY] });
    const { type, inputs, output, meta } = router._def.procedures.leaky._def as never as LeakyDefinition;
    const leaky = { ...procedures, leaky: { type, input: inputs[0], output, meta } };
    const contextOf = (headers: Record<string, string>) => requestContext(server.dependencies, headers);
    const stage = await setStage(server, kindsOf(["workspaces.agents.get"], procedures), procedures);
    try {
      const found = await replay(stage, "leaky", leaky, [
        callerTransport(router, "leaky", type === "mutation" ? type : "query", contextOf),
      ]);
      expect(found).toContainEqual(expect.stringMatching(finding));
    } finally {
      await stage.close();
    }
  });
});

interface LeakyDefinition extends ProcedureInfo {
  inputs: [z.ZodType];
}

test("control: an input or an id that the generator does not know fails by name and says what to add", () => {
  const filling = { idOf: () => "an id", text: "x" };
  const strange = z.strictObject({ workspaceId: simId, postcode: z.string().regex(/^\d{5}$/) });
  expect(() => exampleInputs("workspaces.posts.send", strange, filling)).toThrow(
    /workspaces.posts.send.*"postcode".*FIELD_EXAMPLES/,
  );
  const parcels = { ...procedures["workspaces.agents.get"], input: z.strictObject({ parcelId: z.uuid() }) } as ProcedureInfo;
  expect(() => kindsOf(["parcels"], { ...procedures, parcels })).toThrow(/"parcelId".*workspaces.parcels.create.*SIMS_KINDS/);
});
