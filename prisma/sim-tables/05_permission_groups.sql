-- PostgreSQL shortens the constraint names that are longer than 63 bytes, here as in Sim.

CREATE TABLE public.permission_group (
  id text PRIMARY KEY NOT NULL,
  organization_id text NOT NULL,
  name text NOT NULL,
  description text,
  config jsonb NOT NULL DEFAULT '{}',
  created_by text NOT NULL,
  created_at timestamp NOT NULL DEFAULT now(),
  updated_at timestamp NOT NULL DEFAULT now(),
  is_default boolean NOT NULL DEFAULT false,
  CONSTRAINT permission_group_organization_id_organization_id_fk FOREIGN KEY (organization_id)
    REFERENCES public.organization (id) ON DELETE CASCADE,
  CONSTRAINT permission_group_created_by_user_id_fk FOREIGN KEY (created_by) REFERENCES public."user" (id) ON DELETE CASCADE
);

CREATE INDEX permission_group_created_by_idx ON public.permission_group USING btree (created_by);
CREATE UNIQUE INDEX permission_group_organization_name_unique ON public.permission_group USING btree (organization_id, name);
CREATE UNIQUE INDEX permission_group_organization_default_unique ON public.permission_group USING btree (organization_id)
  WHERE is_default = true;

CREATE TABLE public.permission_group_workspace (
  id text PRIMARY KEY NOT NULL,
  permission_group_id text NOT NULL,
  workspace_id text NOT NULL,
  organization_id text NOT NULL,
  created_at timestamp NOT NULL DEFAULT now(),
  CONSTRAINT permission_group_workspace_permission_group_id_permission_group_id_fk FOREIGN KEY (permission_group_id)
    REFERENCES public.permission_group (id) ON DELETE CASCADE,
  CONSTRAINT permission_group_workspace_workspace_id_workspace_id_fk FOREIGN KEY (workspace_id)
    REFERENCES public.workspace (id) ON DELETE CASCADE,
  CONSTRAINT permission_group_workspace_organization_id_organization_id_fk FOREIGN KEY (organization_id)
    REFERENCES public.organization (id) ON DELETE CASCADE
);

CREATE INDEX permission_group_workspace_workspace_id_idx ON public.permission_group_workspace USING btree (workspace_id);
CREATE UNIQUE INDEX permission_group_workspace_group_workspace_unique ON public.permission_group_workspace
  USING btree (permission_group_id, workspace_id);

CREATE TABLE public.permission_group_member (
  id text PRIMARY KEY NOT NULL,
  permission_group_id text NOT NULL,
  organization_id text NOT NULL,
  user_id text NOT NULL,
  assigned_by text,
  assigned_at timestamp NOT NULL DEFAULT now(),
  CONSTRAINT permission_group_member_permission_group_id_permission_group_id_fk FOREIGN KEY (permission_group_id)
    REFERENCES public.permission_group (id) ON DELETE CASCADE,
  CONSTRAINT permission_group_member_organization_id_organization_id_fk FOREIGN KEY (organization_id)
    REFERENCES public.organization (id) ON DELETE CASCADE,
  CONSTRAINT permission_group_member_user_id_user_id_fk FOREIGN KEY (user_id) REFERENCES public."user" (id) ON DELETE CASCADE,
  CONSTRAINT permission_group_member_assigned_by_user_id_fk FOREIGN KEY (assigned_by)
    REFERENCES public."user" (id) ON DELETE SET NULL
);

CREATE INDEX permission_group_member_group_id_idx ON public.permission_group_member USING btree (permission_group_id);
CREATE UNIQUE INDEX permission_group_member_group_user_unique ON public.permission_group_member
  USING btree (permission_group_id, user_id);
CREATE INDEX permission_group_member_organization_user_idx ON public.permission_group_member
  USING btree (organization_id, user_id);
