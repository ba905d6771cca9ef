-- What an audit event says of before and after is kept as a ciphertext under its workspace's own key, so that destroying
-- the key destroys the content and leaves the record. No key is known here, so content that was written in the clear
-- goes; dropping and adding are changes of the catalogue alone, whatever the trail's size.
ALTER TABLE parlant.parlant_audit_event
  DROP COLUMN before,
  DROP COLUMN after,
  ADD COLUMN before bytea,
  ADD COLUMN after bytea,
  ADD COLUMN rule text,
  ADD COLUMN method text;
