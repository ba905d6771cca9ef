-- The audit trail's log: one leaf for each event, in the order in which they were sealed, and the signed states of the
-- tree over them. Both only grow, and neither refers to anything: they outlive what they speak of.
CREATE TABLE parlant.parlant_audit_leaf (
  workspace_id text NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 0),
  event_id uuid NOT NULL,
  leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
  CONSTRAINT parlant_audit_leaf_pkey PRIMARY KEY (workspace_id, seq)
);

CREATE UNIQUE INDEX parlant_audit_leaf_workspace_id_event_id_key ON parlant.parlant_audit_leaf (workspace_id, event_id);

CREATE TABLE parlant.parlant_audit_checkpoint (
  workspace_id text NOT NULL,
  tree_size bigint NOT NULL CHECK (tree_size > 0),
  root_hash bytea NOT NULL CHECK (octet_length(root_hash) = 32),
  subtree_hashes bytea NOT NULL,
  note text NOT NULL,
  created_at timestamptz(3) NOT NULL,
  CONSTRAINT parlant_audit_checkpoint_pkey PRIMARY KEY (workspace_id, tree_size)
);

ALTER TABLE parlant.parlant_audit_leaf ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_audit_leaf FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_audit_leaf
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));

ALTER TABLE parlant.parlant_audit_checkpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_audit_checkpoint FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace_isolation ON parlant.parlant_audit_checkpoint
  USING (workspace_id = nullif(current_setting('app.workspace_id', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('app.workspace_id', true), ''));
