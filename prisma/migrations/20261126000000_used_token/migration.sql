-- One-time tokens of Sim's that were exchanged here, so that none is a second time; Sim's own row is only read. Nothing in
-- it says whose a token was, and the hash of a random token leads nowhere, so that it is no tenant's table.
CREATE TABLE parlant.parlant_used_token (
  token_hash bytea NOT NULL,
  used_at timestamptz(3) NOT NULL,
  -- Sim's own end of the token: from then on its row in Sim's table is refused without this one.
  expires_at timestamptz NOT NULL,
  CONSTRAINT parlant_used_token_pkey PRIMARY KEY (token_hash)
);
CREATE INDEX parlant_used_token_expires_at_idx ON parlant.parlant_used_token (expires_at);

-- Insert-only for as long as the token could be good, whoever asks; an hour more is for a clock that is set back.
ALTER TABLE parlant.parlant_used_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE parlant.parlant_used_token FORCE ROW LEVEL SECURITY;
CREATE POLICY used_token_insert ON parlant.parlant_used_token FOR INSERT WITH CHECK (true);
CREATE POLICY used_token_select ON parlant.parlant_used_token FOR SELECT USING (true);
CREATE POLICY used_token_forget ON parlant.parlant_used_token FOR DELETE
  USING (expires_at < statement_timestamp() - interval '1 hour');
