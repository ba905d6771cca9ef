-- Enters one workspace for the server's own work, as parlant_enter_system does, and tells how it stands with what Sim told
-- of it: so metrics count over all workspaces in one statement, under the same policies as any other work.
CREATE FUNCTION parlant.parlant_inbox_facts(of_workspace text, OUT dead bigint, OUT waiting_since timestamptz)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog
AS $$
BEGIN
  PERFORM set_config('app.workspace_id', of_workspace, true);
  dead := (SELECT count(*) FROM parlant.parlant_webhook_delivery d WHERE d.workspace_id = of_workspace AND d.status = 'dead');
  waiting_since := least(
    (SELECT min(d.received_at) FROM parlant.parlant_webhook_delivery d WHERE d.workspace_id = of_workspace AND d.status = 'pending'),
    (SELECT min(d.received_at) FROM parlant.parlant_webhook_delivery d WHERE d.workspace_id = of_workspace AND d.status = 'failed'));
END
$$;

REVOKE ALL ON FUNCTION parlant.parlant_inbox_facts(text) FROM PUBLIC;

-- What Sim had told of a workspace goes with it, as all of its rows do. They have no foreign key, because Sim may tell of a
-- workspace that is not there yet.
CREATE OR REPLACE FUNCTION parlant.parlant_record_removal() RETURNS trigger
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog
AS $$
DECLARE
  entered text := current_setting('app.workspace_id', true);
  at timestamptz := clock_timestamp();
BEGIN
  -- A purge deletes the row too, of a workspace that Sim still has.
  IF EXISTS (SELECT FROM public.workspace w WHERE w.id = OLD.workspace_id) THEN
    RETURN OLD;
  END IF;
  PERFORM set_config('app.workspace_id', OLD.workspace_id, true);
  DELETE FROM parlant.parlant_webhook_delivery d WHERE d.workspace_id = OLD.workspace_id;
  INSERT INTO parlant.parlant_audit_event
    (workspace_id, id, occurred_at, action, outcome, actor_kind, actor_id, target_kind, target_id)
  VALUES (
    OLD.workspace_id,
    encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
      PLACING substring(int8send(floor(extract(epoch FROM at) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid,
    at, 'workspace.remove', 'success', 'internal', 'sim', 'workspace', OLD.workspace_id);
  PERFORM set_config('app.workspace_id', coalesce(entered, ''), true);
  RETURN OLD;
END
$$;
