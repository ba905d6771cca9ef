CREATE TABLE public."user" (
  id text PRIMARY KEY NOT NULL,
  name text NOT NULL,
  email text NOT NULL,
  normalized_email text,
  email_verified boolean NOT NULL,
  image text,
  created_at timestamp NOT NULL,
  updated_at timestamp NOT NULL,
  stripe_customer_id text,
  role text DEFAULT 'user',
  banned boolean DEFAULT false,
  ban_reason text,
  ban_expires timestamp,
  CONSTRAINT user_email_unique UNIQUE (email),
  CONSTRAINT user_normalized_email_unique UNIQUE (normalized_email)
);

CREATE TABLE public.organization (
  id text PRIMARY KEY NOT NULL,
  name text NOT NULL,
  slug text NOT NULL,
  logo text,
  metadata json,
  session_policy_settings json,
  security_policy_version integer NOT NULL DEFAULT 1,
  whitelabel_settings json,
  data_retention_settings json,
  org_usage_limit numeric,
  storage_used_bytes bigint NOT NULL DEFAULT 0,
  limit_notifications jsonb NOT NULL DEFAULT '{}'::jsonb,
  departed_member_usage numeric NOT NULL DEFAULT '0',
  credit_balance numeric NOT NULL DEFAULT '0',
  created_at timestamp NOT NULL DEFAULT now(),
  updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.member (
  id text PRIMARY KEY NOT NULL,
  user_id text NOT NULL,
  organization_id text NOT NULL,
  role text NOT NULL,
  created_at timestamp NOT NULL DEFAULT now(),
  CONSTRAINT member_user_id_user_id_fk FOREIGN KEY (user_id) REFERENCES public."user" (id) ON DELETE CASCADE,
  CONSTRAINT member_organization_id_organization_id_fk FOREIGN KEY (organization_id)
    REFERENCES public.organization (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX member_user_id_unique ON public.member USING btree (user_id);
CREATE INDEX member_organization_id_idx ON public.member USING btree (organization_id);
