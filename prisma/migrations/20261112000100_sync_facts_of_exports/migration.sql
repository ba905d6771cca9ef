-- The same, and whether an export is asked for. A function's result cannot be widened in place, and nothing uses it yet.
DROP FUNCTION parlant.parlant_sync_facts(text, text);

CREATE FUNCTION parlant.parlant_sync_facts(
  of_workspace text, of_organization text,
  OUT is_known boolean, OUT kept_settings jsonb, OUT kept_archived_at timestamptz, OUT deletion_asked_at timestamptz,
  OUT deletion_asked_mode text, OUT is_export_asked boolean, OUT last_synced_at timestamptz, OUT has_stray_grants boolean)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog
AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.workspace_id', of_workspace, true);
  SELECT true, s.settings, s.archived_at, s.deletion_requested_at, s.deletion_mode::text, s.is_export_asked, s.synced_at,
    -- Sim's rule: a row in permissions, or the owner and admins of the workspace's organization.
    EXISTS (SELECT FROM parlant.parlant_agent_grant g WHERE g.workspace_id = of_workspace
      AND NOT EXISTS (SELECT FROM public.permissions p
        WHERE p.entity_type = 'workspace' AND p.entity_id = of_workspace AND p.user_id = g.user_id)
      AND NOT EXISTS (SELECT FROM public.member m
        WHERE m.organization_id = of_organization AND m.user_id = g.user_id AND m.role IN ('owner', 'admin')))
  INTO is_known, kept_settings, kept_archived_at, deletion_asked_at, deletion_asked_mode, is_export_asked, last_synced_at,
    has_stray_grants
  FROM parlant.parlant_workspace_state s WHERE s.workspace_id = of_workspace;
  is_known := coalesce(is_known, false);
  is_export_asked := coalesce(is_export_asked, false);
  has_stray_grants := coalesce(has_stray_grants, false);
END
$$;

REVOKE ALL ON FUNCTION parlant.parlant_sync_facts(text, text) FROM PUBLIC;
