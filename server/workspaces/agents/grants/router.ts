import { agentProcedure } from "../../../trpc/procedures.ts";
import { listGrants } from "./list-grants.ts";
import { removeGrant } from "./remove-grant.ts";
import { Grant, GrantPage, GrantRef, ListGrantsInput, RemovedGrant, SetGrantInput } from "./schemas.ts";
import { setGrant } from "./set-grant.ts";

export const grantsRouter = {
  list: agentProcedure("grant:list", "Lists the grants on an agent.")
    .input(ListGrantsInput)
    .output(GrantPage)
    .query(({ ctx, agent, input }) => listGrants(ctx, agent, input)),

  set: agentProcedure("grant:set", "Gives a user of the workspace a level on an agent, in the place of the one given before.")
    .input(SetGrantInput)
    .output(Grant)
    .mutation(({ ctx, agent, input }) => setGrant(ctx, agent, input)),

  remove: agentProcedure("grant:remove", "Takes a user's grant on an agent away; what the permission gives is left.")
    .input(GrantRef)
    .output(RemovedGrant)
    .mutation(({ ctx, agent, input }) => removeGrant(ctx, agent, input)),
};
