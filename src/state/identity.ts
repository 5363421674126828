import { createHash } from 'node:crypto';
import type { Database } from '../database/database.js';

/**
 * What tells one database from every other. No part is enough alone: the installation's id goes along with a dump, a
 * clone and `create database ... template`; the system's identifier is a whole server's, and goes along with a copy of
 * its files; an oid says nothing outside its server.
 */
export interface DatabaseIdentity {
  /** `ip_tracking.installation`, made with the schema. */
  readonly installation: string;
  /** `pg_control_system()`, made by `initdb`; null where the role may not ask for it. */
  readonly system: string | null;
  /** The database's, of `pg_database`. */
  readonly oid: number;
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

/** Whether two are the same database, as far as both of them are known. */
export function isSame(one: DatabaseIdentity, other: DatabaseIdentity): boolean {
  return (
    one.installation === other.installation &&
    one.oid === other.oid &&
    (one.system === other.system || one.system === null || other.system === null)
  );
}

/** Whether one has come of the other: a clone, an upgrade, a copy by template, a restored dump, a schema made anew. */
export function isRelated(one: DatabaseIdentity, other: DatabaseIdentity): boolean {
  if (isSame(one, other)) return false;
  const isSamePlace = one.oid === other.oid && one.system !== null && one.system === other.system;
  return one.installation === other.installation || isSamePlace;
}

/** An identity as it is kept in a file. */
export function identityText({ installation, system, oid }: DatabaseIdentity): string {
  return JSON.stringify({ installation, system, oid });
}

/** Reads {@link identityText}; null where it is none. */
export function parseIdentity(text: string): DatabaseIdentity | null {
  try {
    const { installation, system, oid } = JSON.parse(text) as Partial<DatabaseIdentity>;
    const isOne =
      typeof installation === 'string' &&
      (system === null || typeof system === 'string') &&
      typeof oid === 'number';
    return isOne ? { installation, system, oid } : null;
  } catch {
    return null;
  }
}

/** The folder of a database, among those of others: the same name whoever makes it, and it tells nobody anything. */
export function folderNameOf(identity: DatabaseIdentity): string {
  return `db-${digest(identityText(identity))}`;
}

/** Names a folder or an entry after what must not be read from it. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
