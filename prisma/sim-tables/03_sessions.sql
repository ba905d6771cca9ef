CREATE TABLE public.session (
  id text PRIMARY KEY NOT NULL,
  expires_at timestamp NOT NULL,
  token text NOT NULL,
  created_at timestamp NOT NULL,
  updated_at timestamp NOT NULL,
  ip_address text,
  user_agent text,
  user_id text NOT NULL,
  active_organization_id text,
  impersonated_by text,
  CONSTRAINT session_token_unique UNIQUE (token),
  CONSTRAINT session_user_id_user_id_fk FOREIGN KEY (user_id) REFERENCES public."user" (id) ON DELETE CASCADE,
  CONSTRAINT session_active_organization_id_organization_id_fk FOREIGN KEY (active_organization_id)
    REFERENCES public.organization (id) ON DELETE SET NULL
);

CREATE INDEX session_user_id_idx ON public.session USING btree (user_id);
CREATE INDEX session_token_idx ON public.session USING btree (token);

CREATE TABLE public.account (
  id text PRIMARY KEY NOT NULL,
  account_id text NOT NULL,
  provider_id text NOT NULL,
  user_id text NOT NULL,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamp,
  refresh_token_expires_at timestamp,
  scope text,
  password text,
  created_at timestamp NOT NULL,
  updated_at timestamp NOT NULL,
  CONSTRAINT account_user_id_user_id_fk FOREIGN KEY (user_id) REFERENCES public."user" (id) ON DELETE CASCADE
);

CREATE INDEX account_user_id_idx ON public.account USING btree (user_id);
CREATE INDEX idx_account_on_account_id_provider_id ON public.account USING btree (account_id, provider_id);

CREATE TABLE public.verification (
  id text PRIMARY KEY NOT NULL,
  identifier text NOT NULL,
  value text NOT NULL,
  expires_at timestamp NOT NULL,
  created_at timestamp,
  updated_at timestamp
);

CREATE INDEX verification_identifier_idx ON public.verification USING btree (identifier);
CREATE INDEX verification_expires_at_idx ON public.verification USING btree (expires_at);
