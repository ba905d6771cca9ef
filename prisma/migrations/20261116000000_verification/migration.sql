-- How the daily verification of the workspace went, and how far the one under way has come.
ALTER TABLE parlant.parlant_workspace_state ADD COLUMN verification jsonb;
