-- Under forced row-level security an ordinary owner sees no row, so that it would validate none of them.
ALTER TABLE parlant.parlant_workspace_state NO FORCE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_workspace_state VALIDATE CONSTRAINT parlant_workspace_state_workspace_id_fkey;
ALTER TABLE parlant.parlant_workspace_state FORCE ROW LEVEL SECURITY;
