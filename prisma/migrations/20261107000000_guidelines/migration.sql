-- What an agent is to do, and when. A guideline goes with its agent.
CREATE TYPE parlant.guideline_criticality AS ENUM ('low', 'medium', 'high');

CREATE TABLE parlant.parlant_guideline (
  workspace_id text NOT NULL,
  id uuid NOT NULL,
  agent_id uuid NOT NULL,
  condition text NOT NULL CHECK (char_length(condition) BETWEEN 1 AND 4000),
  action text CHECK (char_length(action) BETWEEN 1 AND 4000),
  description text CHECK (char_length(description) <= 2000),
  criticality parlant.guideline_criticality NOT NULL DEFAULT 'medium',
  enabled boolean NOT NULL DEFAULT true,
  priority integer NOT NULL DEFAULT 0,
  tags text[] NOT NULL DEFAULT ARRAY[]::text[] CHECK (cardinality(tags) <= 20),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_by text,
  created_by_key_id text,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  CONSTRAINT parlant_guideline_pkey PRIMARY KEY (workspace_id, id),
  CONSTRAINT parlant_guideline_workspace_id_agent_id_fkey FOREIGN KEY (workspace_id, agent_id)
    REFERENCES parlant.parlant_agent (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX parlant_guideline_workspace_id_agent_id_priority_id_idx
  ON parlant.parlant_guideline (workspace_id, agent_id, priority DESC, id);

ALTER TABLE parlant.parlant_guideline ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_guideline FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_guideline
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));
