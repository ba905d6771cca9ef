CREATE TABLE public.workspace (
  id text PRIMARY KEY NOT NULL,
  name text NOT NULL,
  color text NOT NULL DEFAULT '#33C482',
  logo_url text,
  owner_id text NOT NULL,
  organization_id text,
  workspace_mode public.workspace_mode NOT NULL DEFAULT 'grandfathered_shared',
  billed_account_user_id text NOT NULL,
  storage_used_bytes bigint NOT NULL DEFAULT 0,
  allow_personal_api_keys boolean NOT NULL DEFAULT true,
  inbox_enabled boolean NOT NULL DEFAULT false,
  inbox_address text,
  inbox_provider_id text,
  inbox_secret_scope text NOT NULL DEFAULT 'all',
  inbox_mounted_secrets jsonb NOT NULL DEFAULT '[]'::jsonb,
  archived_at timestamp,
  organization_assigned_at timestamp,
  forked_from_workspace_id text,
  created_at timestamp NOT NULL DEFAULT now(),
  updated_at timestamp NOT NULL DEFAULT now(),
  CONSTRAINT workspace_owner_id_user_id_fk FOREIGN KEY (owner_id) REFERENCES public."user" (id) ON DELETE CASCADE,
  CONSTRAINT workspace_organization_id_organization_id_fk FOREIGN KEY (organization_id)
    REFERENCES public.organization (id) ON DELETE SET NULL,
  CONSTRAINT workspace_billed_account_user_id_user_id_fk FOREIGN KEY (billed_account_user_id)
    REFERENCES public."user" (id) ON DELETE NO ACTION,
  CONSTRAINT workspace_forked_from_workspace_id_workspace_id_fk FOREIGN KEY (forked_from_workspace_id)
    REFERENCES public.workspace (id) ON DELETE SET NULL,
  CONSTRAINT workspace_storage_used_bytes_non_negative CHECK (storage_used_bytes >= 0)
);

CREATE INDEX workspace_owner_id_idx ON public.workspace USING btree (owner_id);
CREATE INDEX workspace_organization_id_idx ON public.workspace USING btree (organization_id);
CREATE INDEX workspace_mode_idx ON public.workspace USING btree (workspace_mode);
CREATE INDEX workspace_forked_from_workspace_id_idx ON public.workspace USING btree (forked_from_workspace_id);
CREATE UNIQUE INDEX workspace_inbox_provider_id_idx ON public.workspace USING btree (inbox_provider_id)
  WHERE inbox_provider_id IS NOT NULL;

-- entity_id is no foreign key: the rows of a deleted workspace stay.
CREATE TABLE public.permissions (
  id text PRIMARY KEY NOT NULL,
  user_id text NOT NULL,
  entity_type text NOT NULL,
  entity_id text NOT NULL,
  permission_type public.permission_type NOT NULL,
  created_at timestamp NOT NULL DEFAULT now(),
  updated_at timestamp NOT NULL DEFAULT now(),
  CONSTRAINT permissions_user_id_user_id_fk FOREIGN KEY (user_id) REFERENCES public."user" (id) ON DELETE CASCADE
);

CREATE INDEX permissions_user_id_idx ON public.permissions USING btree (user_id);
CREATE INDEX permissions_entity_idx ON public.permissions USING btree (entity_type, entity_id);
CREATE INDEX permissions_user_entity_type_idx ON public.permissions USING btree (user_id, entity_type);
CREATE INDEX permissions_user_entity_permission_idx ON public.permissions USING btree (user_id, entity_type, permission_type);
CREATE INDEX permissions_user_entity_idx ON public.permissions USING btree (user_id, entity_type, entity_id);
CREATE UNIQUE INDEX permissions_unique_constraint ON public.permissions USING btree (user_id, entity_type, entity_id);

CREATE TABLE public.api_key (
  id text PRIMARY KEY NOT NULL,
  user_id text NOT NULL,
  workspace_id text,
  created_by text,
  name text NOT NULL,
  key text NOT NULL,
  key_hash text,
  type text NOT NULL DEFAULT 'personal',
  last_used timestamp,
  created_at timestamp NOT NULL DEFAULT now(),
  updated_at timestamp NOT NULL DEFAULT now(),
  expires_at timestamp,
  CONSTRAINT api_key_key_unique UNIQUE (key),
  CONSTRAINT api_key_user_id_user_id_fk FOREIGN KEY (user_id) REFERENCES public."user" (id) ON DELETE CASCADE,
  CONSTRAINT api_key_workspace_id_workspace_id_fk FOREIGN KEY (workspace_id) REFERENCES public.workspace (id) ON DELETE CASCADE,
  CONSTRAINT api_key_created_by_user_id_fk FOREIGN KEY (created_by) REFERENCES public."user" (id) ON DELETE SET NULL,
  CONSTRAINT workspace_type_check CHECK (
    (type = 'workspace' AND workspace_id IS NOT NULL) OR (type = 'personal' AND workspace_id IS NULL)
  )
);

CREATE INDEX api_key_workspace_type_idx ON public.api_key USING btree (workspace_id, type);
CREATE INDEX api_key_user_type_idx ON public.api_key USING btree (user_id, type);
CREATE UNIQUE INDEX api_key_key_hash_idx ON public.api_key USING btree (key_hash);
