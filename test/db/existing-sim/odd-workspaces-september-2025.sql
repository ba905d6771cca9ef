INSERT INTO workspace (id, name, owner_id, created_at) VALUES
  ('ws-1', 'Acme', 'u-plain', '-infinity'), ('', '', '', now()),
  (E'../../etc/"\u0001\n 😀''', E'\n', 'u-plain', now()), (repeat('w', 2000), repeat('n', 5000), 'u-plain', now());
INSERT INTO permissions (id, user_id, entity_type, entity_id, permission_type) VALUES ('p-1', 'u-plain', 'workspace', 'ws-1', 'admin');
