ALTER TABLE parlant.parlant_agent ADD CONSTRAINT parlant_agent_workspace_id_fkey
  FOREIGN KEY (workspace_id) REFERENCES public.workspace (id) ON DELETE CASCADE NOT VALID;
