-- Sim's own tables, as Sim 0.8 creates them: for an empty database only. On a database that Sim runs on they are Sim's.
-- Every timestamp is without time zone and holds UTC.

CREATE TYPE public.permission_type AS ENUM ('admin', 'write', 'read');
CREATE TYPE public.workspace_mode AS ENUM ('personal', 'organization', 'grandfathered_shared');
