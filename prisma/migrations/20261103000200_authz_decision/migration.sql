-- One narrow row per allowed read. They come in batches of several workspaces, from outside of any: there any row may be
-- inserted, and none is seen. Inside of a workspace its own alone are inserted and seen. Nothing changes or removes one.
CREATE TABLE parlant.parlant_authz_decision (
  workspace_id text NOT NULL,
  id uuid NOT NULL,
  occurred_at timestamptz(3) NOT NULL,
  principal_kind text NOT NULL,
  principal_id text NOT NULL,
  procedure text NOT NULL,
  agent_id uuid,
  outcome text NOT NULL,
  source text NOT NULL,
  request_id text,
  latency_us integer NOT NULL,
  CONSTRAINT parlant_authz_decision_pkey PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);

CREATE TABLE parlant.parlant_authz_decision_default PARTITION OF parlant.parlant_authz_decision DEFAULT;

ALTER TABLE parlant.parlant_authz_decision ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_authz_decision FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_authz_decision
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (nullif(current_setting('app.workspace_id', true), '') IS NULL
    OR workspace_id = nullif(current_setting('app.workspace_id', true), ''));
ALTER TABLE parlant.parlant_authz_decision_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_authz_decision_default FORCE ROW LEVEL SECURITY;
