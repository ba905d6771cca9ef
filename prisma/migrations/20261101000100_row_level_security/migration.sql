-- The workspace of a transaction is a transaction-local setting that only these two functions make.
-- Without it current_setting is null, or '' once a transaction has had it: both mean no row at all.

-- Enters a workspace for a caller. "actual" is what Sim's tables grant at this moment, read by the same statement;
-- "decided" is what the cached decision rests on. Anything else than equality ends the transaction with PA001.
CREATE FUNCTION parlant.parlant_enter(workspace text, actual text, decided text) RETURNS text
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog
AS $$
BEGIN
  IF workspace IS NULL OR workspace = '' OR actual IS NULL OR decided IS NULL OR actual <> decided THEN
    RAISE EXCEPTION 'The permission that this call rests on no longer holds' USING ERRCODE = 'PA001';
  END IF;
  -- An expression, which plpgsql evaluates by itself; a PERFORM would be a query inside the query.
  RETURN pg_catalog.set_config('app.workspace_id', workspace, true);
END
$$;

-- Enters one workspace for the server's own work. The purpose is recorded for pg_stat_activity and the logs.
CREATE FUNCTION parlant.parlant_enter_system(workspace text, purpose text) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog
AS $$
BEGIN
  IF workspace IS NULL OR workspace = '' OR purpose IS NULL OR purpose = '' THEN
    RAISE EXCEPTION 'System work names one workspace and its purpose' USING ERRCODE = 'PA002';
  END IF;
  PERFORM pg_catalog.set_config('app.workspace_id', workspace, true);
  PERFORM pg_catalog.set_config('app.purpose', purpose, true);
END
$$;

REVOKE ALL ON FUNCTION parlant.parlant_enter(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION parlant.parlant_enter_system(text, text) FROM PUBLIC;

ALTER TABLE parlant.parlant_workspace_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_workspace_state FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_workspace_state
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));

ALTER TABLE parlant.parlant_agent ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_agent FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_agent
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));

ALTER TABLE parlant.parlant_agent_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_agent_grant FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_agent_grant
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));

-- A partition has no policy of its own for the application role, which is granted the parent alone; forcing
-- row-level security on it too means that a grant made by mistake still shows nothing.
ALTER TABLE parlant.parlant_audit_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_audit_event FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_audit_event
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));
ALTER TABLE parlant.parlant_audit_event_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_audit_event_default FORCE ROW LEVEL SECURITY;

ALTER TABLE parlant.parlant_idempotency_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_idempotency_key FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_idempotency_key
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));
