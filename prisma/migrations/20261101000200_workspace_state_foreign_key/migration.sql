-- One foreign key to a table of Sim's per migration: each takes its lock on workspace alone and for an instant.
ALTER TABLE parlant.parlant_workspace_state ADD CONSTRAINT parlant_workspace_state_workspace_id_fkey
  FOREIGN KEY (workspace_id) REFERENCES public.workspace (id) ON DELETE CASCADE NOT VALID;
