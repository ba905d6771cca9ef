-- Under forced row-level security an ordinary owner sees no row, so that it would validate none of them.
ALTER TABLE parlant.parlant_agent NO FORCE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_agent VALIDATE CONSTRAINT parlant_agent_workspace_id_fkey;
ALTER TABLE parlant.parlant_agent FORCE ROW LEVEL SECURITY;
