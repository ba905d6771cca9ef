INSERT INTO workspace (id, name, color, owner_id, organization_id, workspace_mode, billed_account_user_id, inbox_mounted_secrets, archived_at, organization_assigned_at, forked_from_workspace_id, created_at) VALUES
  ('ws-1', 'Acme', '', 'u-plain', 'org-1', 'organization', 'u-plain', '["A", {"b":null}]', NULL, 'infinity', NULL, '-infinity'),
  ('', '', '#33C482', '', NULL, 'personal', 'u-plain', '[]', NULL, NULL, NULL, now()),
  (E'../../etc/"\u0001\n 😀''', E'\n', 'red', 'u-plain', 'org-2', 'grandfathered_shared', '', '[]', '2025-01-01', NULL, 'ws-1', now()),
  (repeat('w', 2000), repeat('n', 5000), '#33C482', 'u-plain', NULL, 'organization', 'u-plain', '[]', 'infinity', NULL, 'ws-1', now());
INSERT INTO permissions (id, user_id, entity_type, entity_id, permission_type) VALUES ('p-1', 'u-plain', 'workspace', 'ws-1', 'admin');
INSERT INTO permission_group (id, organization_id, name, config, created_by) VALUES ('g-1', 'org-1', 'x', '[]', 'u-plain'), ('g-2', 'org-1', 'y', '"text"', 'u-plain');
INSERT INTO permission_group_workspace (id, permission_group_id, workspace_id, organization_id) VALUES ('gw-1', 'g-1', '', 'org-1');
INSERT INTO permission_group_member (id, permission_group_id, organization_id, user_id) VALUES ('gm-1', 'g-1', 'org-1', '');
