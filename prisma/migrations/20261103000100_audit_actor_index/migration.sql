-- The log as filtered by who acted.
CREATE INDEX parlant_audit_event_workspace_id_actor_id_id_idx ON parlant.parlant_audit_event (workspace_id, actor_id, id);
