import { isolationProcedure } from "../../trpc/procedures.ts";
import { checkIsolationHealth } from "./health.ts";
import { reportIsolation } from "./report.ts";
import { IsolationHealth, IsolationInput, IsolationReport } from "./schemas.ts";

export const isolationRouter = {
  health: isolationProcedure("isolation:health", "Looks at everything that the workspace's isolation rests on.")
    .input(IsolationInput)
    .output(IsolationHealth)
    .query(({ ctx }) => checkIsolationHealth(ctx)),

  report: isolationProcedure("isolation:report", "Reports on the workspace's isolation: what it holds, who came, what to do.")
    .input(IsolationInput)
    .output(IsolationReport)
    .query(({ ctx }) => reportIsolation(ctx)),
};
