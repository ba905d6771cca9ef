-- What real installations hold: times past every calendar, ids of every form, rows that refer to what is gone.
INSERT INTO "user" (id, name, email, email_verified, image, created_at, updated_at) VALUES
  ('u-plain', 'Ann', 'ann@example.test', true, NULL, '2024-02-29 23:59:59.999999', 'infinity'),
  ('', '', '', false, '', '-infinity', '0001-01-01 00:00:00'),
  (E'Ünï "quoted"\n\t''user''', E'\u202EבדיקהE 😀', 'ANN@EXAMPLE.TEST', true, 'https://x.test/?a=1&b=''2''', '9999-12-31 23:59:59', '4713-01-01 00:00:00 BC'),
  (repeat('x', 3000), repeat('é', 5000), repeat('m', 2000) || '@example.test', true, NULL, now(), now());
INSERT INTO organization (id, name, slug, metadata) VALUES
  ('org-1', 'One', 'one', '{"a" : 1,  "a":2, "nested":{"z":[1,  2]}}'),
  ('org-2', 'Without members', 'one', NULL);
INSERT INTO member (id, user_id, organization_id, role) VALUES ('m-1', 'u-plain', 'org-1', 'owner'), ('m-2', '', 'org-1', 'something of a plugin''s');
INSERT INTO session (id, expires_at, token, created_at, updated_at, ip_address, user_agent, user_id, active_organization_id) VALUES
  ('s-old', '2020-01-01', 'old-token', '2019-01-01', '2019-01-01', '::ffff:10.0.0.1, 10.0.0.2', repeat('Mozilla ', 200), 'u-plain', 'org-1'),
  ('s-odd', 'infinity', E'tök\ten', now(), now(), NULL, NULL, E'Ünï "quoted"\n\t''user''', NULL);
INSERT INTO account (id, account_id, provider_id, user_id, access_token, password, created_at, updated_at) VALUES
  ('a-1', 'x', 'credential', 'u-plain', NULL, 'salt:hash', now(), now()), ('a-2', 'x', 'github', 'u-plain', 'gho_x', NULL, now(), now());
INSERT INTO verification (id, identifier, value, expires_at) VALUES ('v-1', 'sign-in-otp-ann', '123456:0', '2020-01-01'), ('v-2', 'one-time-token:x', 'old-token', 'infinity');
INSERT INTO permissions (id, user_id, entity_type, entity_id, permission_type) VALUES
  ('p-gone', 'u-plain', 'workspace', 'a workspace that was deleted', 'admin'),
  ('p-flow', 'u-plain', 'workflow', 'w-1', 'write'),
  ('p-org', '', 'organization', 'org-1', 'read'),
  ('p-empty', '', 'workspace', '', 'write');
INSERT INTO api_key (id, user_id, workspace_id, name, key, type, expires_at) VALUES
  ('k-1', 'u-plain', NULL, '', 'v1:iv:encrypted:tag', 'personal', 'infinity'),
  ('k-2', '', NULL, 'plain key of long ago', 'sim_plain', 'personal', '2020-01-01');
INSERT INTO workflow (id, user_id, workspace_id, name, state) VALUES ('w-1', 'u-plain', NULL, 'without a workspace', '{ "blocks" : {} }');
INSERT INTO webhook (id, workflow_id, provider_config, registration_status) VALUES ('h-1', 'w-1', '{"b":1,"b":2}', 'orphaned');
INSERT INTO invitation (id, email, inviter_id, organization_id, role, token, expires_at) VALUES ('i-1', 'x@y.z', 'u-plain', 'org-2', 'member', 't', now());
INSERT INTO audit_log (id, action, resource_type, metadata) VALUES ('l-1', 'workspace.deleted', 'workspace', 'null'), ('l-2', 'x', '', NULL);
INSERT INTO idempotency_key (key, result) VALUES (E'webhook:\n', 'null');
INSERT INTO rate_limit_bucket (key, tokens, last_refill_at) VALUES ('user', 'NaN', '-infinity'), ('u2', 1e-30, now());
INSERT INTO settings (id, user_id, email_preferences) VALUES ('set-1', 'u-plain', '{"a":1,"a":1}');
INSERT INTO sim_trigger_state (workflow_id, block_id) VALUES ('no such workflow', '');
INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('0298', 1787000000000);
