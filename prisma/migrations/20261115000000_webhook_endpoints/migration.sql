-- A workspace's own endpoints, what is to be sent to them, and how each try went. All of it goes with the workspace's state.
CREATE TYPE parlant.endpoint_delivery_status AS ENUM ('pending', 'delivered', 'failed');

CREATE TABLE parlant.parlant_webhook_endpoint (
  workspace_id text NOT NULL,
  id uuid NOT NULL,
  url text NOT NULL CHECK (char_length(url) BETWEEN 1 AND 2048),
  description text CHECK (char_length(description) <= 500),
  event_types text[] NOT NULL CHECK (cardinality(event_types) <= 50),
  is_enabled boolean NOT NULL DEFAULT true,
  disabled_reason text CHECK (disabled_reason IN ('manual', 'gone', 'failing')),
  secret bytea NOT NULL,
  previous_secret bytea,
  previous_secret_until timestamptz(3),
  failing_since timestamptz(3),
  failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  paused_until timestamptz(3),
  created_by text,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  CONSTRAINT parlant_webhook_endpoint_pkey PRIMARY KEY (workspace_id, id),
  CONSTRAINT parlant_webhook_endpoint_disabled_check CHECK (is_enabled = (disabled_reason IS NULL)),
  CONSTRAINT parlant_webhook_endpoint_previous_check CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL)),
  CONSTRAINT parlant_webhook_endpoint_workspace_id_fkey FOREIGN KEY (workspace_id)
    REFERENCES parlant.parlant_workspace_state (workspace_id) ON DELETE CASCADE
);

CREATE TABLE parlant.parlant_endpoint_delivery (
  workspace_id text NOT NULL,
  id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  event_id uuid NOT NULL,
  event_type text NOT NULL,
  target_kind text NOT NULL,
  target_id text NOT NULL,
  actor_kind text NOT NULL,
  actor_id text,
  occurred_at timestamptz(3) NOT NULL,
  status parlant.endpoint_delivery_status NOT NULL DEFAULT 'pending',
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  next_attempt_at timestamptz(3),
  completed_at timestamptz(3),
  created_at timestamptz(3) NOT NULL,
  CONSTRAINT parlant_endpoint_delivery_pkey PRIMARY KEY (workspace_id, id),
  CONSTRAINT parlant_endpoint_delivery_workspace_id_endpoint_id_fkey FOREIGN KEY (workspace_id, endpoint_id)
    REFERENCES parlant.parlant_webhook_endpoint (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX parlant_endpoint_delivery_workspace_id_endpoint_id_id_idx
  ON parlant.parlant_endpoint_delivery (workspace_id, endpoint_id, id);

CREATE TABLE parlant.parlant_endpoint_attempt (
  workspace_id text NOT NULL,
  delivery_id uuid NOT NULL,
  number integer NOT NULL CHECK (number >= 1),
  attempted_at timestamptz(3) NOT NULL,
  duration_ms integer NOT NULL CHECK (duration_ms >= 0),
  status_code integer,
  error text CHECK (char_length(error) <= 200),
  CONSTRAINT parlant_endpoint_attempt_pkey PRIMARY KEY (workspace_id, delivery_id, number),
  CONSTRAINT parlant_endpoint_attempt_workspace_id_delivery_id_fkey FOREIGN KEY (workspace_id, delivery_id)
    REFERENCES parlant.parlant_endpoint_delivery (workspace_id, id) ON DELETE CASCADE
);

ALTER TABLE parlant.parlant_webhook_endpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_webhook_endpoint FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_webhook_endpoint
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));

ALTER TABLE parlant.parlant_endpoint_delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_endpoint_delivery FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_endpoint_delivery
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));

ALTER TABLE parlant.parlant_endpoint_attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_endpoint_attempt FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_endpoint_attempt
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));
