-- Sessions of agents and their events. A session goes with its agent, and its events and counts go with it.
CREATE TYPE parlant.session_mode AS ENUM ('auto', 'manual');
CREATE TYPE parlant.session_status AS ENUM ('active', 'completed', 'abandoned');
CREATE TYPE parlant.event_source AS ENUM ('customer', 'customer_ui', 'human_agent', 'human_agent_on_behalf_of_ai_agent', 'ai_agent', 'system');
CREATE TYPE parlant.event_kind AS ENUM ('message', 'tool', 'status', 'custom');

CREATE TABLE parlant.parlant_session (
  workspace_id text NOT NULL,
  id uuid NOT NULL,
  agent_id uuid NOT NULL,
  user_id text,
  created_by_key_id text,
  customer_id text NOT NULL DEFAULT 'guest' CHECK (char_length(customer_id) BETWEEN 1 AND 128),
  title text CHECK (char_length(title) <= 200),
  mode parlant.session_mode NOT NULL DEFAULT 'auto',
  status parlant.session_status NOT NULL DEFAULT 'active',
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  tags text[] NOT NULL DEFAULT ARRAY[]::text[] CHECK (cardinality(tags) <= 20),
  event_count integer NOT NULL DEFAULT 0 CHECK (event_count >= 0),
  message_count integer NOT NULL DEFAULT 0 CHECK (message_count >= 0),
  boundary text NOT NULL,
  boundary_key_version integer NOT NULL,
  started_at timestamptz(3) NOT NULL,
  last_activity_at timestamptz(3) NOT NULL,
  ended_at timestamptz(3),
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  CONSTRAINT parlant_session_pkey PRIMARY KEY (workspace_id, id),
  CONSTRAINT parlant_session_ended_check CHECK ((status = 'active') = (ended_at IS NULL)),
  CONSTRAINT parlant_session_workspace_id_agent_id_fkey FOREIGN KEY (workspace_id, agent_id)
    REFERENCES parlant.parlant_agent (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX parlant_session_workspace_id_created_at_id_idx ON parlant.parlant_session (workspace_id, created_at, id);
CREATE INDEX parlant_session_workspace_id_last_activity_at_id_idx ON parlant.parlant_session (workspace_id, last_activity_at, id);
CREATE INDEX parlant_session_workspace_id_agent_id_last_activity_at_id_idx
  ON parlant.parlant_session (workspace_id, agent_id, last_activity_at, id);
CREATE INDEX parlant_session_workspace_id_user_id_last_activity_at_id_idx
  ON parlant.parlant_session (workspace_id, user_id, last_activity_at, id);
-- What the sweep of idle sessions looks for.
CREATE INDEX parlant_session_active_idx ON parlant.parlant_session (workspace_id, last_activity_at, id) WHERE status = 'active';

CREATE TABLE parlant.parlant_event (
  workspace_id text NOT NULL,
  session_id uuid NOT NULL,
  "offset" integer NOT NULL CHECK ("offset" >= 0),
  id uuid NOT NULL,
  source parlant.event_source NOT NULL,
  kind parlant.event_kind NOT NULL,
  data jsonb NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  trace_id text NOT NULL CHECK (char_length(trace_id) BETWEEN 1 AND 128),
  created_at timestamptz(3) NOT NULL,
  CONSTRAINT parlant_event_pkey PRIMARY KEY (workspace_id, session_id, "offset"),
  CONSTRAINT parlant_event_workspace_id_session_id_fkey FOREIGN KEY (workspace_id, session_id)
    REFERENCES parlant.parlant_session (workspace_id, id) ON DELETE CASCADE
);

-- What an agent's sessions come to, in parts, so that those who write to different sessions seldom wait for each other.
CREATE TABLE parlant.parlant_agent_counter (
  workspace_id text NOT NULL,
  agent_id uuid NOT NULL,
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 15),
  sessions integer NOT NULL DEFAULT 0,
  messages integer NOT NULL DEFAULT 0,
  last_active_at timestamptz(3),
  CONSTRAINT parlant_agent_counter_pkey PRIMARY KEY (workspace_id, agent_id, slot),
  CONSTRAINT parlant_agent_counter_workspace_id_agent_id_fkey FOREIGN KEY (workspace_id, agent_id)
    REFERENCES parlant.parlant_agent (workspace_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

ALTER TABLE parlant.parlant_session ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_session FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_session
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));

ALTER TABLE parlant.parlant_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_event FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_event
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));

ALTER TABLE parlant.parlant_agent_counter ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_agent_counter FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_agent_counter
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));
