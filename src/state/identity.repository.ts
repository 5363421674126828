import { randomUUID } from 'node:crypto';
import type { Database } from '../database/database.js';
import type { DatabaseIdentity } from './identity.js';

/** The id of a database's installation; where there is no database, one that nobody else has. */
export async function installationOf(database: Database): Promise<string> {
  const [row] = await database.query<{ id: string }>('select id from ip_tracking.installation');
  return row?.id ?? randomUUID();
}

/**
 * Asks a database who it is.
 *
 * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE`, `IPT_SCHEMA_MISSING`; the driver's error where the role may not
 *   read `ip_tracking.installation`.
 */
export async function readIdentity(database: Database): Promise<DatabaseIdentity> {
  const [row] = await database.query<{ installation: string; oid: number; maySee: boolean }>(
    `select id as installation, pg_database.oid::int8::float8 as oid,
            has_function_privilege('pg_catalog.pg_control_system()', 'execute') as "maySee"
       from ip_tracking.installation, pg_database where datname = current_database()`,
  );
  const { installation, oid, maySee } = row!;
  // PostgreSQL asks for the right to a function that a statement names, whether it is called or not.
  const [control] = maySee
    ? await database.query<{ system: string }>(
        `select system_identifier::text as system from pg_control_system()`,
      )
    : [];
  return { installation, system: control?.system ?? null, oid };
}
