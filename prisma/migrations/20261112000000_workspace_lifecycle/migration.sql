-- What was last brought in step with Sim, and what a deletion in Sim asks for. All of it can be read anew but the deletion.
CREATE TYPE parlant.deletion_mode AS ENUM ('archive', 'delete');

ALTER TABLE parlant.parlant_workspace_state
  ADD COLUMN archived_at timestamptz(3),
  ADD COLUMN deletion_requested_at timestamptz(3),
  ADD COLUMN deletion_mode parlant.deletion_mode,
  ADD COLUMN is_export_asked boolean NOT NULL DEFAULT false,
  ADD COLUMN sync_started_at timestamptz(3),
  ADD CONSTRAINT parlant_workspace_state_deletion_check CHECK ((deletion_requested_at IS NULL) = (deletion_mode IS NULL));

-- Where Sim deletes a workspace its rows go with it, by the foreign keys. That it was deleted stays in its audit trail,
-- which has none: written inside of the cascade, so that it is there exactly if the workspace is gone. The id is a UUID
-- version 7 (RFC 9562), made of a version 4 one.
CREATE FUNCTION parlant.parlant_record_removal() RETURNS trigger
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

REVOKE ALL ON FUNCTION parlant.parlant_record_removal() FROM PUBLIC;

CREATE TRIGGER parlant_record_removal BEFORE DELETE ON parlant.parlant_workspace_state
  FOR EACH ROW EXECUTE FUNCTION parlant.parlant_record_removal();

-- Enters one workspace for the server's own work, as parlant_enter_system does, and tells what its state says: so a batch
-- of workspaces is compared with Sim's tables in one statement, under the same policies as any other work.
CREATE FUNCTION parlant.parlant_sync_facts(
  of_workspace text, of_organization text,
  OUT is_known boolean, OUT kept_settings jsonb, OUT kept_archived_at timestamptz, OUT deletion_asked_at timestamptz,
  OUT deletion_asked_mode text, OUT last_synced_at timestamptz, OUT has_stray_grants boolean)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog
AS $$
BEGIN
  PERFORM set_config('app.workspace_id', of_workspace, true);
  SELECT true, s.settings, s.archived_at, s.deletion_requested_at, s.deletion_mode::text, s.synced_at,
    -- Sim's rule: a row in permissions, or the owner and admins of the workspace's organization.
    EXISTS (SELECT FROM parlant.parlant_agent_grant g WHERE g.workspace_id = of_workspace
      AND NOT EXISTS (SELECT FROM public.permissions p
        WHERE p.entity_type = 'workspace' AND p.entity_id = of_workspace AND p.user_id = g.user_id)
      AND NOT EXISTS (SELECT FROM public.member m
        WHERE m.organization_id = of_organization AND m.user_id = g.user_id AND m.role IN ('owner', 'admin')))
  INTO is_known, kept_settings, kept_archived_at, deletion_asked_at, deletion_asked_mode, last_synced_at, has_stray_grants
  FROM parlant.parlant_workspace_state s WHERE s.workspace_id = of_workspace;
  is_known := coalesce(is_known, false);
  has_stray_grants := coalesce(has_stray_grants, false);
END
$$;

REVOKE ALL ON FUNCTION parlant.parlant_sync_facts(text, text) FROM PUBLIC;
