import type pg from "pg";

/** Whose privileges are none of Sim's: $1 is our role. */
const OTHERS = "grantee <> (SELECT oid FROM pg_roles WHERE rolname = $1)";
const acl = (items: string, kind: string, owner: string) =>
  `(SELECT array_agg(format('%s %s %s', grantee, privilege_type, is_grantable) ORDER BY 1)
    FROM aclexplode(coalesce(${items}, acldefault('${kind}', ${owner}))) WHERE ${OTHERS})`;
const columnAcl = `(SELECT array_agg(format('%s %s', grantee, privilege_type) ORDER BY 1) FROM aclexplode(attacl) WHERE ${OTHERS})`;

/**
 * Everything that the catalogue holds of every schema but ours and PostgreSQL's, as lines. Left out: our foreign keys
 * to workspace with the triggers that PostgreSQL keeps for them, and what is granted to our role.
 */
const CATALOGUE = `
  WITH space AS (SELECT oid, nspname FROM pg_namespace WHERE nspname <> 'parlant' AND nspname !~ '^pg_' AND nspname <> 'information_schema'),
  relation AS (SELECT c.*, c.oid::regclass AS name FROM pg_class c JOIN space ON space.oid = relnamespace)
  SELECT format('schema %s %s %s', nspname, nspowner, ${acl("nspacl", "n", "nspowner")}) AS line FROM pg_namespace n JOIN space USING (oid, nspname)
  UNION ALL
  SELECT format('relation %s', concat_ws('|', name, relkind, relowner, relfilenode, relpersistence, relreplident, relrowsecurity,
    relforcerowsecurity, reloptions, reltablespace, obj_description(oid), ${acl("relacl", "r", "relowner")})) FROM relation
  UNION ALL
  SELECT format('column %s.%s', name, concat_ws('|', attname, attnum, format_type(atttypid, atttypmod), attnotnull, attisdropped, attstorage,
    attcollation, attstattarget, attidentity, attgenerated, ${columnAcl}, pg_get_expr(adbin, adrelid)))
    FROM relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  UNION ALL
  SELECT format('constraint %s %s %s %s', conrelid::regclass, conname, convalidated, pg_get_constraintdef(k.oid)) FROM pg_constraint k JOIN space ON space.oid = connamespace
  UNION ALL
  SELECT format('index %s %s %s', pg_get_indexdef(indexrelid), indisvalid, indisclustered) FROM pg_index JOIN relation ON relation.oid = indrelid
  UNION ALL
  SELECT format('trigger %s %s %s %s', name, tgname, tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t JOIN relation ON relation.oid = tgrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = tgconstraint AND connamespace = to_regnamespace('parlant'))
  UNION ALL
  SELECT format('policy %s %s %s', name, polname, pg_get_expr(polqual, polrelid)) FROM pg_policy JOIN relation ON relation.oid = polrelid
  UNION ALL
  SELECT format('rule %s %s', name, pg_get_ruledef(r.oid)) FROM pg_rewrite r JOIN relation ON relation.oid = ev_class
  UNION ALL
  SELECT format('statistics %s', pg_get_statisticsobjdef(s.oid)) FROM pg_statistic_ext s JOIN space ON space.oid = stxnamespace
  UNION ALL
  SELECT format('type %s %s %s', typname, typtype, ARRAY(SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder))
    FROM pg_type t JOIN space ON space.oid = typnamespace
  UNION ALL
  SELECT format('function %s %s', pg_get_functiondef(p.oid), ${acl("proacl", "f", "proowner")}) FROM pg_proc p JOIN space ON space.oid = pronamespace WHERE prokind = 'f'
  UNION ALL
  SELECT format('extension %s %s', extname, extversion) FROM pg_extension
  UNION ALL
  SELECT format('default privileges %s %s %s', defaclrole, defaclnamespace, defaclacl) FROM pg_default_acl
  UNION ALL
  SELECT format('publication %s %s', pubname, puballtables) FROM pg_publication
  UNION ALL
  SELECT format('event trigger %s', evtname) FROM pg_event_trigger
  UNION ALL
  SELECT format('setting %s %s %s', setdatabase, setrole, setconfig) FROM pg_db_role_setting WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  UNION ALL
  SELECT format('database %s %s', datdba, datacl) FROM pg_database WHERE datname = current_database()
  ORDER BY 1`;

const TABLES = `SELECT format('%I.%I', nspname, relname) AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'p', 'm', 'S') AND nspname <> 'parlant' AND nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1`;

export interface StateOfSim {
  catalogue: string[];
  /** By table: how many rows, and a hash of all of them with their places and versions, so that one written anew shows. */
  data: Record<string, string>;
}

/** All that a database holds beside what is ours. The reader must be a superuser, whom no policy bounds. */
export async function readStateOfSim(superuser: pg.Client, appRole: string): Promise<StateOfSim> {
  const { rows } = await superuser.query<{ line: string }>(CATALOGUE, [appRole]);
  const tables = await superuser.query<{ name: string }>(TABLES);
  const data: Record<string, string> = {};
  for (const { name } of tables.rows) {
    const { rows: found } = await superuser.query<{ hash: string }>(
      `SELECT count(*) || ' ' || coalesce(md5(string_agg(row::text, E'\\n' ORDER BY row::text)), '') AS hash
       FROM (SELECT ctid, xmin, * FROM ${name}) AS row`,
    );
    data[name] = found[0]?.hash ?? "";
  }
  return { catalogue: rows.map(({ line }) => line), data };
}
