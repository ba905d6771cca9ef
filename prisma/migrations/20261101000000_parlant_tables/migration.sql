-- Our tables. Nothing here touches a table of Sim's; the foreign keys to public.workspace follow one per migration.

-- IF NOT EXISTS would still demand CREATE on the database from an owner whose administrator made the schema.
DO $$ BEGIN
  IF to_regnamespace('parlant') IS NULL THEN
    CREATE SCHEMA parlant;
  END IF;
END $$;

CREATE TYPE parlant.agent_status AS ENUM ('active', 'inactive', 'archived');
CREATE TYPE parlant.agent_visibility AS ENUM ('workspace', 'restricted');
CREATE TYPE parlant.isolation_level AS ENUM ('strict', 'workspace');
CREATE TYPE parlant.composition_mode AS ENUM ('fluid', 'canned_fluid', 'composited_canned', 'strict_canned');
CREATE TYPE parlant.message_output_mode AS ENUM ('block', 'stream');
CREATE TYPE parlant.archive_reason AS ENUM ('manual', 'workspace');
CREATE TYPE parlant.access_level AS ENUM ('none', 'view', 'interact', 'configure', 'manage');
CREATE TYPE parlant.audit_outcome AS ENUM ('success', 'denied', 'failure');

CREATE TABLE parlant.parlant_workspace_state (
  workspace_id text NOT NULL,
  key_salt bytea NOT NULL CHECK (octet_length(key_salt) = 32),
  settings jsonb NOT NULL DEFAULT '{}',
  synced_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT parlant_workspace_state_pkey PRIMARY KEY (workspace_id)
);

CREATE TABLE parlant.parlant_agent (
  workspace_id text NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
  name_key text NOT NULL,
  description text CHECK (char_length(description) <= 2000),
  status parlant.agent_status NOT NULL DEFAULT 'active',
  visibility parlant.agent_visibility NOT NULL DEFAULT 'workspace',
  isolation_level parlant.isolation_level NOT NULL DEFAULT 'strict',
  composition_mode parlant.composition_mode NOT NULL DEFAULT 'fluid',
  message_output_mode parlant.message_output_mode NOT NULL DEFAULT 'block',
  max_engine_iterations integer NOT NULL DEFAULT 3 CHECK (max_engine_iterations >= 1),
  system_prompt text CHECK (char_length(system_prompt) <= 10000),
  model_provider text,
  model_name text,
  temperature double precision NOT NULL DEFAULT 0.7 CHECK (temperature BETWEEN 0 AND 2),
  max_tokens integer NOT NULL DEFAULT 2000 CHECK (max_tokens BETWEEN 1 AND 100000),
  tags text[] NOT NULL DEFAULT ARRAY[]::text[] CHECK (cardinality(tags) <= 20),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_by text,
  created_by_key_id text,
  total_sessions integer NOT NULL DEFAULT 0,
  total_messages integer NOT NULL DEFAULT 0,
  last_active_at timestamptz(3),
  version integer NOT NULL DEFAULT 1,
  boundary text NOT NULL,
  boundary_key_version integer NOT NULL,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  archived_at timestamptz(3),
  archive_reason parlant.archive_reason,
  status_before_archive parlant.agent_status,
  deleted_at timestamptz(3),
  CONSTRAINT parlant_agent_pkey PRIMARY KEY (workspace_id, id),
  CONSTRAINT parlant_agent_archived_check CHECK ((status = 'archived') = (archived_at IS NOT NULL))
);

CREATE UNIQUE INDEX parlant_agent_workspace_name_unique ON parlant.parlant_agent (workspace_id, name_key)
  WHERE deleted_at IS NULL AND visibility = 'workspace';
CREATE INDEX parlant_agent_workspace_created_idx ON parlant.parlant_agent (workspace_id, created_at, id)
  WHERE deleted_at IS NULL;
CREATE INDEX parlant_agent_workspace_updated_idx ON parlant.parlant_agent (workspace_id, updated_at, id)
  WHERE deleted_at IS NULL;
CREATE INDEX parlant_agent_workspace_name_idx ON parlant.parlant_agent (workspace_id, name_key, id)
  WHERE deleted_at IS NULL;

CREATE TABLE parlant.parlant_agent_grant (
  workspace_id text NOT NULL,
  agent_id uuid NOT NULL,
  user_id text NOT NULL,
  level parlant.access_level NOT NULL,
  expires_at timestamptz(3),
  granted_by text,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  CONSTRAINT parlant_agent_grant_pkey PRIMARY KEY (workspace_id, agent_id, user_id),
  CONSTRAINT parlant_agent_grant_workspace_id_agent_id_fkey FOREIGN KEY (workspace_id, agent_id)
    REFERENCES parlant.parlant_agent (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX parlant_agent_grant_workspace_id_user_id_idx ON parlant.parlant_agent_grant (workspace_id, user_id);

-- The month's partitions are made ahead by db:migrate; the default one keeps a row that nobody planned for.
CREATE TABLE parlant.parlant_audit_event (
  workspace_id text NOT NULL,
  id uuid NOT NULL,
  occurred_at timestamptz(3) NOT NULL,
  action text NOT NULL,
  outcome parlant.audit_outcome NOT NULL,
  reason_code text,
  actor_kind text NOT NULL,
  actor_id text,
  on_behalf_of text,
  target_kind text,
  target_id text,
  ip_address text,
  request_id text,
  before jsonb,
  after jsonb,
  CONSTRAINT parlant_audit_event_pkey PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);

CREATE TABLE parlant.parlant_audit_event_default PARTITION OF parlant.parlant_audit_event DEFAULT;

CREATE INDEX parlant_audit_event_workspace_id_action_id_idx ON parlant.parlant_audit_event (workspace_id, action, id);
CREATE INDEX parlant_audit_event_workspace_id_target_id_id_idx ON parlant.parlant_audit_event (workspace_id, target_id, id);

CREATE TABLE parlant.parlant_idempotency_key (
  workspace_id text NOT NULL,
  principal text NOT NULL,
  key text NOT NULL,
  procedure text NOT NULL,
  request_hash text NOT NULL,
  response jsonb NOT NULL,
  created_at timestamptz(3) NOT NULL,
  CONSTRAINT parlant_idempotency_key_pkey PRIMARY KEY (workspace_id, principal, key),
  CONSTRAINT parlant_idempotency_key_workspace_id_fkey FOREIGN KEY (workspace_id)
    REFERENCES parlant.parlant_workspace_state (workspace_id) ON DELETE CASCADE
);

CREATE INDEX parlant_idempotency_key_workspace_id_created_at_idx ON parlant.parlant_idempotency_key (workspace_id, created_at);
