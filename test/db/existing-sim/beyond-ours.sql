-- Tables of Sim's beside those that this server reads, and what administrators add to a database that they run.
CREATE SCHEMA drizzle;
CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
CREATE TYPE public.invitation_kind AS ENUM ('organization', 'workspace');
CREATE TYPE public.invitation_membership_intent AS ENUM ('internal', 'external');
CREATE TYPE public.invitation_status AS ENUM ('pending', 'accepted', 'rejected', 'cancelled', 'expired');

CREATE TABLE IF NOT EXISTS "workflow" (
  "id" text PRIMARY KEY NOT NULL,
  "user_id" text NOT NULL,
  "workspace_id" text,
  "name" text NOT NULL,
  "state" json NOT NULL,
  "created_at" timestamp NOT NULL DEFAULT now()
);
ALTER TABLE "workflow" ADD CONSTRAINT "workflow_user_id_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."user"("id") ON DELETE cascade ON UPDATE no action;
ALTER TABLE "workflow" ADD CONSTRAINT "workflow_workspace_id_workspace_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspace"("id") ON DELETE cascade ON UPDATE no action;

CREATE TABLE IF NOT EXISTS "webhook" (
  "id" text PRIMARY KEY NOT NULL,
  "workflow_id" text NOT NULL,
  "block_id" text,
  "path" text,
  "provider" text,
  "provider_config" json,
  "is_active" boolean NOT NULL DEFAULT true,
  "registration_status" text,
  "registration_generation" integer,
  "failed_count" integer DEFAULT 0,
  "archived_at" timestamp,
  "created_at" timestamp NOT NULL DEFAULT now(),
  "updated_at" timestamp NOT NULL DEFAULT now(),
  CONSTRAINT "webhook_registration_status_check" CHECK ("webhook"."registration_status" IS NULL OR "webhook"."registration_status" IN ('active', 'candidate', 'retired', 'orphaned')),
  CONSTRAINT "webhook_registration_generation_check" CHECK ("webhook"."registration_generation" IS NULL OR "webhook"."registration_generation" >= 0)
);
ALTER TABLE "webhook" ADD CONSTRAINT "webhook_workflow_id_workflow_id_fk" FOREIGN KEY ("workflow_id") REFERENCES "public"."workflow"("id") ON DELETE cascade ON UPDATE no action;
CREATE INDEX "webhook_archived_at_partial_idx" ON "webhook" USING btree ("archived_at") WHERE "webhook"."archived_at" IS NOT NULL;
CREATE INDEX "idx_webhook_on_workflow_id_block_id_updated_at_desc" ON "webhook" USING btree ("workflow_id", "block_id", "updated_at" DESC);
CREATE UNIQUE INDEX "webhook_active_registration_unique" ON "webhook" USING btree ("workflow_id", "block_id")
  WHERE "webhook"."registration_status" = 'active' AND "webhook"."block_id" IS NOT NULL AND "webhook"."archived_at" IS NULL;

CREATE TABLE IF NOT EXISTS "invitation" (
  "id" text PRIMARY KEY NOT NULL,
  "kind" "invitation_kind" NOT NULL DEFAULT 'organization',
  "email" text NOT NULL,
  "inviter_id" text NOT NULL,
  "organization_id" text,
  "membership_intent" "invitation_membership_intent" NOT NULL DEFAULT 'internal',
  "role" text NOT NULL,
  "status" "invitation_status" NOT NULL DEFAULT 'pending',
  "token" text NOT NULL,
  "expires_at" timestamp NOT NULL,
  "created_at" timestamp NOT NULL DEFAULT now(),
  CONSTRAINT "invitation_token_unique" UNIQUE ("token"),
  CONSTRAINT "invitation_kind_requires_org_id" CHECK ("kind" = 'workspace' OR "organization_id" IS NOT NULL)
);
ALTER TABLE "invitation" ADD CONSTRAINT "invitation_inviter_id_user_id_fk" FOREIGN KEY ("inviter_id") REFERENCES "public"."user"("id") ON DELETE cascade ON UPDATE no action;
CREATE UNIQUE INDEX "invitation_pending_email_org_unique" ON "invitation" USING btree ("email", "organization_id")
  WHERE "invitation"."status" = 'pending' AND "invitation"."organization_id" IS NOT NULL;

CREATE TABLE IF NOT EXISTS "audit_log" (
  "id" text PRIMARY KEY NOT NULL,
  "workspace_id" text,
  "actor_id" text,
  "action" text NOT NULL,
  "resource_type" text NOT NULL,
  "metadata" jsonb DEFAULT '{}',
  "created_at" timestamp NOT NULL DEFAULT now()
);
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_workspace_id_workspace_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspace"("id") ON DELETE set null ON UPDATE no action;
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_actor_id_user_id_fk" FOREIGN KEY ("actor_id") REFERENCES "public"."user"("id") ON DELETE set null ON UPDATE no action;
CREATE INDEX "audit_log_workspace_created_at_id_idx" ON "audit_log" USING btree ("workspace_id", date_trunc('milliseconds', "created_at"), "id");

CREATE TABLE IF NOT EXISTS "idempotency_key" ("key" text PRIMARY KEY NOT NULL, "result" json NOT NULL, "created_at" timestamp NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS "rate_limit_bucket" ("key" text PRIMARY KEY NOT NULL, "tokens" numeric NOT NULL, "last_refill_at" timestamp NOT NULL, "updated_at" timestamp NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS "sim_trigger_state" (
  "workflow_id" text NOT NULL,
  "block_id" text NOT NULL,
  "scope_key" text NOT NULL DEFAULT '',
  "updated_at" timestamp NOT NULL DEFAULT now(),
  CONSTRAINT "sim_trigger_state_workflow_id_block_id_scope_key_pk" PRIMARY KEY ("workflow_id", "block_id", "scope_key")
);
CREATE TABLE IF NOT EXISTS "settings" (
  "id" text PRIMARY KEY NOT NULL,
  "user_id" text NOT NULL,
  "theme" text NOT NULL DEFAULT 'system',
  "email_preferences" json NOT NULL DEFAULT '{}',
  "copilot_enabled_models" jsonb NOT NULL DEFAULT '{}',
  "snap_to_grid_size" integer NOT NULL DEFAULT 0,
  CONSTRAINT "settings_user_id_unique" UNIQUE ("user_id")
);
ALTER TABLE "settings" ADD CONSTRAINT "settings_user_id_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."user"("id") ON DELETE cascade ON UPDATE no action;

-- What an administrator adds.
CREATE FUNCTION public.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON "workspace" FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();
CREATE VIEW public.workspace_names AS SELECT "id", "name" FROM "workspace";
CREATE MATERIALIZED VIEW public.workspace_count AS SELECT count(*) AS "n" FROM "workspace";
CREATE INDEX "workspace_name_lower_idx" ON "workspace" (lower("name"));
CREATE STATISTICS public.permissions_stats ON "user_id", "entity_id" FROM "permissions";
COMMENT ON TABLE "workspace" IS 'of the administrator''s';
ALTER TABLE "permissions" SET (fillfactor = 80);
ALTER TABLE "session" REPLICA IDENTITY FULL;
ALTER TABLE "rate_limit_bucket" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "of the administrator's" ON "rate_limit_bucket" USING (true);
GRANT SELECT ON "workspace", "workspace_names" TO PUBLIC;
GRANT SELECT ("id", "email") ON "user" TO PUBLIC;
