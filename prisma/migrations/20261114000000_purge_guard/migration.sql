-- What the application role may delete in a purge alone: these tables' rows go otherwise by marks of deletion, or with what
-- they belong to. The privilege is needed for a purge's batches; this bounds it to them, whatever statement uses it.
CREATE FUNCTION parlant.parlant_only_in_purge() RETURNS trigger
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog
AS $$
DECLARE
  is_live boolean;
BEGIN
  -- Whom no policy bounds is not the server: the cascade of a foreign key, which Sim's deletion of a workspace begins too,
  -- and administrators.
  IF NOT row_security_active(TG_RELID) THEN
    RETURN NULL;
  END IF;
  IF current_setting('app.purpose', true) IS DISTINCT FROM 'workspace.purge' THEN
    RAISE EXCEPTION 'Rows of % are deleted by a purge alone', TG_TABLE_NAME USING ERRCODE = 'PA003';
  END IF;
  -- Older Sims have no archived_at; a branch that is not taken is never planned.
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'public.workspace'::regclass AND attname = 'archived_at' AND NOT attisdropped) THEN
    is_live := EXISTS (SELECT FROM public.workspace w WHERE w.id = current_setting('app.workspace_id', true) AND w.archived_at IS NULL);
  ELSE
    is_live := EXISTS (SELECT FROM public.workspace w WHERE w.id = current_setting('app.workspace_id', true));
  END IF;
  IF is_live THEN
    RAISE EXCEPTION 'Sim shows the workspace as live; nothing of it is purged' USING ERRCODE = 'PA001';
  END IF;
  RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION parlant.parlant_only_in_purge() FROM PUBLIC;

CREATE TRIGGER parlant_only_in_purge BEFORE DELETE ON parlant.parlant_agent
  FOR EACH STATEMENT EXECUTE FUNCTION parlant.parlant_only_in_purge();
CREATE TRIGGER parlant_only_in_purge BEFORE DELETE ON parlant.parlant_agent_counter
  FOR EACH STATEMENT EXECUTE FUNCTION parlant.parlant_only_in_purge();
CREATE TRIGGER parlant_only_in_purge BEFORE DELETE ON parlant.parlant_authz_decision
  FOR EACH STATEMENT EXECUTE FUNCTION parlant.parlant_only_in_purge();
CREATE TRIGGER parlant_only_in_purge BEFORE DELETE ON parlant.parlant_event
  FOR EACH STATEMENT EXECUTE FUNCTION parlant.parlant_only_in_purge();
CREATE TRIGGER parlant_only_in_purge BEFORE DELETE ON parlant.parlant_workspace_state
  FOR EACH STATEMENT EXECUTE FUNCTION parlant.parlant_only_in_purge();
