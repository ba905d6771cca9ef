-- Sessions by when they ended, which analytics counts. What an attempt that was cut short left behind is made anew.
DROP INDEX CONCURRENTLY IF EXISTS parlant.parlant_session_ended_idx;
CREATE INDEX CONCURRENTLY parlant_session_ended_idx ON parlant.parlant_session (workspace_id, ended_at) WHERE ended_at IS NOT NULL;
