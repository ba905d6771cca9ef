-- What Sim has told, as it was received. It refers to nothing: an event may be about a workspace that is not there yet, or no more.
CREATE TYPE parlant.webhook_kind AS ENUM ('workspace_event', 'permission_update');
CREATE TYPE parlant.webhook_status AS ENUM ('pending', 'failed', 'dead', 'done');

CREATE TABLE parlant.parlant_webhook_delivery (
  workspace_id text NOT NULL,
  id text NOT NULL CHECK (length(id) BETWEEN 1 AND 255),
  kind parlant.webhook_kind NOT NULL,
  body bytea NOT NULL,
  body_sha256 bytea NOT NULL CHECK (octet_length(body_sha256) = 32),
  status parlant.webhook_status NOT NULL DEFAULT 'pending',
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  received_at timestamptz(3) NOT NULL,
  processed_at timestamptz(3),
  CONSTRAINT parlant_webhook_delivery_pkey PRIMARY KEY (workspace_id, id),
  CONSTRAINT parlant_webhook_delivery_done_check CHECK ((status = 'done') = (processed_at IS NOT NULL))
);

CREATE INDEX parlant_webhook_delivery_workspace_id_status_received_at_idx
  ON parlant.parlant_webhook_delivery (workspace_id, status, received_at);

ALTER TABLE parlant.parlant_webhook_delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_webhook_delivery FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_webhook_delivery
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));
