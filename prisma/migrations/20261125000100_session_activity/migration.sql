-- What the events of a session come to in each quarter of an hour, so that analytics need not read them again. The rows
-- of a session are settled while their event_count is the session's; otherwise its events are read.
CREATE TABLE parlant.parlant_session_activity (
  workspace_id text NOT NULL,
  session_id uuid NOT NULL,
  quarter integer NOT NULL,
  event_count integer NOT NULL,
  messages integer NOT NULL,
  customer_messages integer NOT NULL,
  agent_messages integer NOT NULL,
  tool_calls integer NOT NULL,
  tool_errors integer NOT NULL,
  latencies_ms integer[] NOT NULL DEFAULT ARRAY[]::integer[],
  CONSTRAINT parlant_session_activity_pkey PRIMARY KEY (workspace_id, session_id, quarter),
  CONSTRAINT parlant_session_activity_workspace_id_session_id_fkey FOREIGN KEY (workspace_id, session_id)
    REFERENCES parlant.parlant_session (workspace_id, id) ON DELETE CASCADE
);

ALTER TABLE parlant.parlant_session_activity ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_session_activity FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_session_activity
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));
